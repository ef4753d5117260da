//! How well the gate tells what the documents answer from what they do not, and what coefficients this embedding model
//! would want (a logistic regression in which both kinds of question weigh the same).

use std::collections::BTreeMap;

use chairside::rag::gate::{Features, Gate};
use serde_json::{Value, json};

/// The features with vectors and without.
pub type Both = (Features, Features);

pub fn report(answerable: &[Both], unanswerable: &[(String, Both)]) -> Value {
    let hybrid = |both: &Both| both.0;
    let lexical = |both: &Both| both.1;
    json!({
        "hybrid": gate("with vectors", answerable, unanswerable, hybrid, Gate::MINILM.hybrid.threshold),
        "lexical": gate("words alone", answerable, unanswerable, lexical, Gate::MINILM.lexical.threshold),
    })
}

fn gate(
    label: &str,
    answerable: &[Both],
    unanswerable: &[(String, Both)],
    pick: impl Fn(&Both) -> Features,
    threshold: f64,
) -> Value {
    let score = |both: &Both| Gate::MINILM.judge(pick(both)).log_odds;
    let good: Vec<f64> = answerable.iter().map(score).collect();
    let mut categories: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (category, both) in unanswerable {
        categories.entry("all").or_default().push(score(both));
        categories.entry(category).or_default().push(score(both));
    }
    let at_ten = quantile(&good, 0.1);
    let fitted = fit(answerable, unanswerable, &pick);
    let refused_good = share_below(&good, threshold);
    println!(
        "  abstention, {label}: at the product's threshold {:.1}% of the answerable are refused",
        refused_good * 100.0
    );
    println!("    {:<20} {:>6} {:>7} {:>16} {:>13}", "", "n", "AUROC", "refused at 10%", "at threshold");
    let mut found = json!({"false_refusals_at_threshold": refused_good, "fit": fitted});
    for (category, bad) in &categories {
        let (auroc, ten, own) = (auroc(&good, bad), share_below(bad, at_ten), share_below(bad, threshold));
        println!(
            "    {category:<20} {:>6} {auroc:>7.4} {:>15.1}% {:>12.1}%",
            bad.len(),
            ten * 100.0,
            own * 100.0
        );
        // The other way round: what it costs to refuse nearly all of the category.
        let cost = share_below(&good, quantile(bad, 0.95));
        found[*category] = json!({
            "n": bad.len(), "auroc": auroc, "refused_at_10": ten, "refused_at_threshold": own, "false_refusals_at_95": cost,
        });
    }
    println!("    fitted anew: {fitted}");
    found
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share * (sorted.len() - 1) as f64;
    let low = sorted[at.floor() as usize];
    low + (sorted[at.ceil() as usize] - low) * at.fract()
}

fn share_below(values: &[f64], threshold: f64) -> f64 {
    values.iter().filter(|value| **value < threshold).count() as f64 / values.len() as f64
}

fn auroc(good: &[f64], bad: &[f64]) -> f64 {
    let wins: f64 = good
        .iter()
        .flat_map(|g| {
            bad.iter().map(move |b| {
                if g > b {
                    1.0
                } else if (g - b).abs() < f64::EPSILON {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (good.len() * bad.len()) as f64
}

fn fit(answerable: &[Both], unanswerable: &[(String, Both)], pick: &impl Fn(&Both) -> Features) -> Value {
    let row = |features: Features| [1.0, features.dense.unwrap_or(0.0), features.strength];
    let good: Vec<[f64; 3]> = answerable.iter().map(|both| row(pick(both))).collect();
    let bad: Vec<[f64; 3]> = unanswerable.iter().map(|(_, both)| row(pick(both))).collect();
    let mut weights = [0.0; 3];
    for _ in 0..20_000 {
        let mut slope = weights.map(|weight| weight * 0.002);
        slope[0] = 0.0;
        for (rows, truth) in [(&good, 1.0), (&bad, 0.0)] {
            for row in rows {
                let z: f64 = row.iter().zip(weights).map(|(x, weight)| x * weight).sum();
                let error = (1.0 / (1.0 + (-z).exp()) - truth) / rows.len() as f64;
                for (slope, x) in slope.iter_mut().zip(row) {
                    *slope += error * x;
                }
            }
        }
        for (weight, slope) in weights.iter_mut().zip(slope) {
            *weight -= 4.0 * slope;
        }
    }
    let scores: Vec<f64> =
        good.iter().map(|row| row.iter().zip(weights).map(|(x, weight)| x * weight).sum()).collect();
    json!({"bias": weights[0], "dense": weights[1], "strength": weights[2], "threshold_5": quantile(&scores, 0.05)})
}
