//! nDCG@10 (linear gain), recall@5 (over at most 5), MRR@10 and P@1, averaged over questions.

use std::collections::HashMap;

use serde_json::{Value, json};

#[derive(Default)]
pub struct Sums {
    questions: f64,
    sums: [f64; 4],
}

impl Sums {
    pub fn add(&mut self, ranking: &[&str], relevant: &HashMap<String, f64>) {
        let grade = |id: &&str| relevant.get(*id).copied().unwrap_or(0.0);
        let gained: Vec<f64> = ranking.iter().take(10).map(grade).collect();
        let mut ideal: Vec<f64> = relevant.values().copied().collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        ideal.truncate(10);
        let hits = gained.iter().take(5).filter(|grade| **grade > 0.0).count() as f64;
        let first = gained.iter().position(|grade| *grade > 0.0);
        let found = [
            discounted(&gained) / discounted(&ideal),
            hits / relevant.len().min(5) as f64,
            first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
            f64::from(u8::from(first == Some(0))),
        ];
        self.questions += 1.0;
        for (sum, value) in self.sums.iter_mut().zip(found) {
            *sum += value;
        }
    }

    fn means(&self) -> [f64; 4] {
        self.sums.map(|sum| sum / self.questions)
    }

    pub fn line(&self) -> String {
        let [ndcg, recall, mrr, first] = self.means();
        format!("{ndcg:>8.3} {recall:>9.3} {mrr:>8.3} {first:>7.3}")
    }

    pub fn json(&self) -> Value {
        let [ndcg, recall, mrr, first] = self.means();
        json!({"ndcg@10": ndcg, "recall@5": recall, "mrr@10": mrr, "p@1": first})
    }
}

fn discounted(gains: &[f64]) -> f64 {
    gains.iter().enumerate().map(|(place, gain)| gain / ((place + 2) as f64).log2()).sum()
}
