//! Whether the documents answer the question at all: a calibrated score, and "I don't know" below its threshold.
//!
//! A small logistic regression over two features of the retrieval, fitted on `../shared/eval`'s dental set by
//! `scripts/eval`, which prints how it does and what it would fit for another embedding model.

/// What the gate looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features {
    /// The best cosine similarity that the vector search found; `None` when it could not be asked.
    pub dense: Option<f64>,
    /// The greatest BM25 strength (score over the most the question's words could score) of the three best passages.
    pub strength: f64,
}

/// The regression's coefficients: log-odds of being answerable = `bias + dense · cosine + strength · strength`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// The constant.
    pub bias: f64,
    /// Per unit of cosine similarity.
    pub dense: f64,
    /// Per unit of BM25 strength.
    pub strength: f64,
    /// Log-odds below which the question counts as unanswerable. Short everyday questions to a clinic's own documents
    /// score lower than the dental set's textbook ones, by words alone above all, so this is set between the two
    /// (`scripts/eval` prints both sides of it).
    pub threshold: f64,
}

/// What the gate found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The log-odds that the documents answer the question.
    pub log_odds: f64,
    /// Whether they pass.
    pub answerable: bool,
}

/// A gate for one embedding model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// With vectors. They do not carry over between embedding models.
    pub hybrid: Coefficients,
    /// Without.
    pub lexical: Coefficients,
}

impl Gate {
    /// For all-MiniLM-L6-v2 (int8), as packaged for the local stack.
    pub const MINILM: Self = Self {
        hybrid: Coefficients { bias: -10.9, dense: 14.1, strength: 7.1, threshold: 0.0 },
        lexical: Coefficients { bias: -4.91, dense: 0.0, strength: 11.78, threshold: -1.0 },
    };

    /// For an embedding model: the coefficients that are given, or those it was calibrated with here. Where there are neither
    /// its similarities mean nothing yet, and the words alone decide.
    pub fn of(model: Option<&str>, given: Option<[f64; 4]>) -> Self {
        let is_minilm = model.is_some_and(|model| model.ends_with("all-MiniLM-L6-v2"));
        let hybrid = match given {
            Some([bias, dense, strength, threshold]) => Coefficients { bias, dense, strength, threshold },
            None if is_minilm => Self::MINILM.hybrid,
            None => Self::MINILM.lexical,
        };
        Self { hybrid, ..Self::MINILM }
    }

    /// Judges; without anything found nothing is answerable.
    pub fn judge(&self, features: Features) -> Verdict {
        let coefficients = if features.dense.is_some() { self.hybrid } else { self.lexical };
        let log_odds = coefficients.bias
            + coefficients.dense * features.dense.unwrap_or(0.0)
            + coefficients.strength * features.strength;
        Verdict { log_odds, answerable: log_odds.is_finite() && log_odds >= coefficients.threshold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answerable(dense: Option<f64>, strength: f64) -> bool {
        Gate::MINILM.judge(Features { dense, strength }).answerable
    }

    #[test]
    fn near_and_in_the_same_words_passes_far_and_in_others_does_not() {
        assert!(answerable(Some(0.75), 0.6));
        assert!(!answerable(Some(0.25), 0.1));
    }

    #[test]
    fn words_make_up_for_distance_and_the_other_way_round() {
        assert!(answerable(Some(0.5), 0.6) && !answerable(Some(0.5), 0.3));
        assert!(answerable(Some(0.85), 0.0));
    }

    #[test]
    fn without_vectors_words_alone_decide() {
        assert!(answerable(None, 0.5) && !answerable(None, 0.2) && !answerable(None, 0.0));
    }

    #[test]
    fn a_model_that_was_not_calibrated_is_not_believed() {
        assert_eq!(Gate::of(Some("sentence-transformers/all-MiniLM-L6-v2"), None), Gate::MINILM);
        let other = Gate::of(Some("@cf/baai/bge-m3"), None);
        let near = Features { dense: Some(0.95), strength: 0.1 };
        assert!(!other.judge(near).answerable && Gate::MINILM.judge(near).answerable);
        let given = Gate::of(Some("@cf/baai/bge-m3"), Some([-1.0, 2.0, 0.0, 0.0]));
        assert!(given.judge(near).answerable);
    }

    #[test]
    fn garbage_is_refused() {
        assert!(!answerable(Some(f64::NAN), 0.9));
    }
}
