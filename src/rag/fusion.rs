//! One ranking out of two: dense and BM25 scores, each brought to 0..1 over the candidates, in a weighted sum.
//!
//! Measured (`scripts/eval`): equal-weight reciprocal rank fusion made the dental set worse than dense alone.

use crate::gathered::order;

/// The weight of the dense score; BM25 has the rest. Between 0.6 and 0.8 the figures hardly move.
pub const DENSE_WEIGHT: f64 = 0.7;

/// A piece that either search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The piece's id.
    pub id: String,
    /// Cosine similarity; `None` where the vector search's list does not reach.
    pub dense: Option<f64>,
    /// BM25 score, 0 where no word matches.
    pub lexical: f64,
}

/// A candidate with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Index of the candidate.
    pub index: usize,
    /// The fused score, 0..1; comparable within one question only.
    pub score: f64,
}

/// The candidates, best first; equals in the order of their ids. Without any dense score BM25 alone decides.
pub fn fuse(candidates: &[Candidate], dense_weight: f64) -> Vec<Ranked> {
    let dense_range = range(candidates.iter().filter_map(|candidate| candidate.dense));
    let lexical_range = range(candidates.iter().map(|candidate| candidate.lexical));
    let weight = if dense_range.is_some() { dense_weight } else { 0.0 };
    let mut ranked: Vec<Ranked> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            // What the dense list does not reach is no better than its last.
            let dense = candidate.dense.map_or(0.0, |score| normalised(score, dense_range));
            let lexical = normalised(candidate.lexical, lexical_range);
            Ranked { index, score: weight * dense + (1.0 - weight) * lexical }
        })
        .collect();
    order(&mut ranked, |a, b| {
        b.score.total_cmp(&a.score).then_with(|| candidates[a.index].id.cmp(&candidates[b.index].id))
    });
    ranked
}

fn range(scores: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    scores.filter(|score| score.is_finite()).fold(None, |range, score| match range {
        None => Some((score, score)),
        Some((low, high)) => Some((f64::min(low, score), f64::max(high, score))),
    })
}

fn normalised(score: f64, range: Option<(f64, f64)>) -> f64 {
    match range {
        Some((low, high)) if high > low && score.is_finite() => (score - low) / (high - low),
        // All alike: that is no reason to rank one last.
        Some((_, high)) if high > 0.0 && score.is_finite() => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(id: &str, dense: Option<f64>, lexical: f64) -> Candidate {
        Candidate { id: id.to_owned(), dense, lexical }
    }

    fn order(candidates: &[Candidate]) -> Vec<&str> {
        fuse(candidates, DENSE_WEIGHT).iter().map(|ranked| candidates[ranked.index].id.as_str()).collect()
    }

    #[test]
    fn both_scores_count_by_their_weights() {
        let found = fuse(
            &[
                candidate("a", Some(0.8), 0.0),
                candidate("b", Some(0.2), 10.0),
                candidate("c", Some(0.5), 5.0),
            ],
            0.7,
        );
        let scores: Vec<(usize, String)> =
            found.iter().map(|ranked| (ranked.index, format!("{:.3}", ranked.score))).collect();
        assert_eq!(scores, [(0, "0.700".into()), (2, "0.500".into()), (1, "0.300".into())]);
    }

    #[test]
    fn without_the_vector_store_words_decide() {
        assert_eq!(
            order(&[candidate("a", None, 1.0), candidate("b", None, 3.0), candidate("c", None, 2.0)]),
            ["b", "c", "a"]
        );
    }

    #[test]
    fn without_a_matching_word_vectors_decide() {
        assert_eq!(order(&[candidate("a", Some(0.1), 0.0), candidate("b", Some(0.3), 0.0)]), ["b", "a"]);
    }

    #[test]
    fn what_the_dense_list_does_not_reach_counts_as_its_last() {
        assert_eq!(
            order(&[
                candidate("a", Some(0.9), 0.0),
                candidate("b", Some(0.4), 1.0),
                candidate("c", None, 1.0)
            ]),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn equals_are_ordered_by_id_and_nothing_is_no_error() {
        assert_eq!(order(&[candidate("b", Some(0.5), 1.0), candidate("a", Some(0.5), 1.0)]), ["a", "b"]);
        assert!(order(&[]).is_empty());
    }

    fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (prop::option::of(prop_oneof![-1.0..1.0f64, Just(f64::NAN)]), 0.0..40.0f64);
        prop::collection::vec(one, 0..30).prop_map(|all| {
            all.into_iter()
                .enumerate()
                .map(|(n, (dense, lexical))| candidate(&format!("{n:02}"), dense, lexical))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_candidate_once_scores_in_range_best_first(candidates in any_candidates()) {
            let found = fuse(&candidates, DENSE_WEIGHT);
            let mut seen: Vec<usize> = found.iter().map(|ranked| ranked.index).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..candidates.len()).collect::<Vec<_>>());
            prop_assert!(found.iter().all(|ranked| (0.0..=1.0).contains(&ranked.score)));
            prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }

        // One that is better in both scores is never behind.
        #[test]
        fn better_in_both_is_not_behind(candidates in any_candidates()) {
            let places: Vec<usize> = fuse(&candidates, DENSE_WEIGHT).iter().map(|ranked| ranked.index).collect();
            let place = |index: usize| places.iter().position(|found| *found == index);
            for (a, better) in candidates.iter().enumerate() {
                for (b, worse) in candidates.iter().enumerate() {
                    if let (Some(high), Some(low)) = (better.dense, worse.dense) && high > low && better.lexical > worse.lexical {
                        prop_assert!(place(a) < place(b));
                    }
                }
            }
        }
    }
}
