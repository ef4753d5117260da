//! Embeddings kept in a file between runs: a set of 18,000 pieces takes minutes to embed on two cores.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use chairside::rag::embed::{Embedder, Kind, OpenAiEmbedder};
use chairside::rag::upstream::{Fault, Upstream};
use sha2::{Digest, Sha256};

type Key = [u8; 32];

pub struct Cached {
    passages: OpenAiEmbedder,
    /// The same but for servers that are told by the model's name what a text is.
    questions: OpenAiEmbedder,
    known: RefCell<HashMap<Key, Vec<f32>>>,
    file: Option<RefCell<File>>,
}

impl Cached {
    /// The file holds records of key, dimension and values.
    pub fn open(passages: OpenAiEmbedder, questions: OpenAiEmbedder, file: Option<&Path>) -> Self {
        let mut known = HashMap::new();
        let file = file.map(|path| {
            let mut file =
                OpenOptions::new().read(true).append(true).create(true).open(path).expect("the cache's file");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("the cache");
            let mut rest = bytes.as_slice();
            while rest.len() > 36 {
                let dimension = u32::from_le_bytes(rest[32..36].try_into().expect("four bytes")) as usize;
                let Some(values) = rest.get(36..36 + dimension * 4) else { break };
                let values =
                    values.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")));
                known.insert(rest[..32].try_into().expect("a key"), values.collect());
                rest = &rest[36 + dimension * 4..];
            }
            RefCell::new(file)
        });
        Self { passages, questions, known: RefCell::new(known), file }
    }

    fn endpoint(&self, kind: Kind) -> &OpenAiEmbedder {
        if kind == Kind::Query { &self.questions } else { &self.passages }
    }

    fn key(&self, text: &str, kind: Kind) -> Key {
        Sha256::digest(format!("{}\n{kind:?}\n{text}", self.endpoint(kind).model)).into()
    }

    fn keep(&self, key: Key, vector: &[f32]) {
        self.known.borrow_mut().insert(key, vector.to_vec());
        if let Some(file) = &self.file {
            let mut record = key.to_vec();
            record.extend(u32::try_from(vector.len()).expect("a dimension").to_le_bytes());
            record.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
            file.borrow_mut().write_all(&record).expect("the cache is writable");
        }
    }
}

impl Embedder for Cached {
    async fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        let missing: Vec<String> = texts
            .iter()
            .filter(|text| !self.known.borrow().contains_key(&self.key(text, kind)))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let found = self.endpoint(kind).embed(upstream, &missing, kind).await?;
            for (text, vector) in missing.iter().zip(&found) {
                self.keep(self.key(text, kind), vector);
            }
        }
        Ok(texts.iter().map(|text| self.known.borrow()[&self.key(text, kind)].clone()).collect())
    }
}
