//! Measures retrieval with the product's own chunker, stores, search, fusion and gate: `scripts/eval` starts what it
//! needs and calls this. Sets are folders in BEIR's layout; each becomes a category of its own in the database and a
//! collection of its own in the vector store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and ranks of some thousands"
)]

mod abstention;
mod cache;
mod data;
mod metrics;
mod native;

use std::env;
use std::path::{Path, PathBuf};

use cache::Cached;
use chairside::http::header;
use chairside::rag::chroma::{Chroma, Settings};
use chairside::rag::chunk::chunk;
use chairside::rag::embed::{Embedder, Kind, OpenAiEmbedder};
use chairside::rag::gate::Gate;
use chairside::rag::knowledge::{Document, put};
use chairside::rag::lexical::Database;
use chairside::rag::retrieve::{Found, Question, Retrieval, Vectors, retrieve};
use chairside::rag::store::{Filter, VectorStore};
use chairside::rag::upstream::Patience;
use chairside::rag::vectors::Kept;
use data::{Passage, Set};
use futures::executor::block_on;
use metrics::Sums;
use native::Native;
use serde_json::{Value, json};

const AUDIENCES: &[&str] = &["public"];
const NOW: u64 = 1_700_000_000;

struct Bench {
    platform: Native,
    database: Database,
    embedder: Cached,
    store: Chroma,
}

fn main() {
    let mut args = env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("the folder of the sets"));
    let json_file = args.next().map(PathBuf::from);
    let mut results = serde_json::Map::new();
    for set in sets(&folder) {
        let name =
            set.file_name().and_then(|name| name.to_str()).expect("a set's folder has a name").to_owned();
        let measured = measure(&set, &name);
        results.insert(name, measured);
    }
    assert!(!results.is_empty(), "no set in {}", folder.display());
    if let Some(file) = json_file {
        std::fs::write(file, serde_json::to_string_pretty(&results).unwrap()).unwrap();
    }
}

// The folder itself, or those in it, by name.
fn sets(folder: &Path) -> Vec<PathBuf> {
    let is_set = |folder: &PathBuf| folder.join("corpus.jsonl").exists();
    let inner = std::fs::read_dir(folder)
        .expect("the folder of the sets")
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = inner.chain([folder.to_owned()]).filter(is_set).collect();
    found.sort();
    found
}

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; call scripts/eval"))
}

fn bench(name: &str) -> Bench {
    let endpoint = OpenAiEmbedder {
        url: setting("EMBEDDINGS_URL"),
        model: setting("EMBEDDINGS_MODEL"),
        api_key: None,
        query_prefix: env::var("EMBEDDINGS_QUERY_PREFIX").unwrap_or_default(),
        passage_prefix: env::var("EMBEDDINGS_PASSAGE_PREFIX").unwrap_or_default(),
        batch: 64,
        patience: Patience { timeout_ms: 120_000, ..Patience::UPKEEP },
    };
    let model = env::var("EVAL_QUERY_MODEL").unwrap_or_else(|_| endpoint.model.clone());
    let questions = OpenAiEmbedder { model, ..endpoint.clone() };
    let settings = Settings {
        url: setting("CHROMA_URL"),
        tenant: "default_tenant".to_owned(),
        database: "default_database".to_owned(),
        collection: format!("eval-{name}"),
        token: None,
    };
    let bearer = format!("Bearer {}", setting("ADMIN_TOKEN"));
    Bench {
        platform: Native,
        database: Database {
            rest_url: setting("POSTGREST_URL"),
            headers: vec![header("authorization", bearer)],
        },
        embedder: Cached::open(endpoint, questions, env::var("EVAL_CACHE").ok().as_deref().map(Path::new)),
        store: Chroma::new(settings, Patience::UPKEEP),
    }
}

fn measure(folder: &Path, name: &str) -> Value {
    let set = Set::read(folder);
    let bench = bench(name);
    let pieces = block_on(load(&bench, &set, name));
    println!("\n{name}: {} passages in {pieces} pieces, {} questions", set.corpus.len(), set.questions.len());
    let mut rows = ["lexical", "dense", "dense, with names", "hybrid"].map(|label| (label, Sums::default()));
    let mut answerable = Vec::new();
    for question in &set.questions {
        let relevant = &set.relevant[&question.id];
        let words = block_on(ask(&bench, name, &question.text, false));
        let both = block_on(ask(&bench, name, &question.text, true));
        let mut by_vectors: Vec<&Found> = both.found.iter().filter(|found| found.dense.is_some()).collect();
        by_vectors.sort_by(|a, b| b.dense.unwrap().total_cmp(&a.dense.unwrap()));
        let nearest = block_on(nearest(&bench, &question.text));
        let rankings = [
            set.documents(words.found.iter().map(|found| found.passage.document_slug.as_str())),
            set.documents(nearest.iter().map(String::as_str)),
            set.documents(by_vectors.iter().map(|found| found.passage.document_slug.as_str())),
            set.documents(both.found.iter().map(|found| found.passage.document_slug.as_str())),
        ];
        for ((_, sums), ranking) in rows.iter_mut().zip(&rankings) {
            sums.add(ranking, relevant);
        }
        answerable.push((both.features, words.features));
    }
    println!("  {:<18} {:>8} {:>9} {:>8} {:>7}", "", "nDCG@10", "recall@5", "MRR@10", "P@1");
    for (label, sums) in &rows {
        println!("  {label:<18} {}", sums.line());
    }
    let mut result =
        json!({"passages": set.corpus.len(), "pieces": pieces, "questions": set.questions.len()});
    for (label, sums) in &rows {
        result[*label] = sums.json();
    }
    if !set.unanswerable.is_empty() {
        result["abstention"] = abstain(&bench, &set, name, &answerable);
    }
    result
}

async fn load(bench: &Bench, set: &Set, name: &str) -> u64 {
    bench.store.ensure(&bench.platform, 384).await.expect("Chroma");
    let kept = Kept { embedder: Some(&bench.embedder), stores: vec![&bench.store] };
    for (n, passage) in set.corpus.iter().enumerate() {
        let document = Document {
            slug: passage.slug.clone(),
            title: title(passage),
            body: passage.text.clone(),
            category: name.to_owned(),
            language: "en".to_owned(),
            audience: "public".to_owned(),
            valid_from: None,
            valid_until: None,
        };
        let pieces = chunk(&document.slug, &document.title, &document.body);
        let (_, report) = put(&bench.platform, &kept, &bench.database, &document, &pieces, None)
            .await
            .expect("a passage is taken");
        assert!(report.fault.is_none(), "{:?}", report.fault);
        if n % 200 == 199 {
            eprintln!("{name}: {} of {} passages", n + 1, set.corpus.len());
        }
    }
    bench.store.count(&bench.platform).await.expect("a count")
}

// A document has a title; a passage that has none is called by its first words.
fn title(passage: &Passage) -> String {
    let words = || passage.text.split_whitespace().take(8).collect::<Vec<_>>().join(" ");
    let title = if passage.title.trim().is_empty() { words() } else { passage.title.clone() };
    title.chars().take(200).collect()
}

async fn ask(bench: &Bench, name: &str, text: &str, by_vectors: bool) -> Retrieval {
    let vectors = by_vectors.then_some(Vectors { embedder: &bench.embedder, store: &bench.store });
    let question =
        Question { text, audiences: AUDIENCES, category: Some(name), language: None, filter: None, now: NOW };
    let retrieval = retrieve(&bench.platform, vectors, &bench.database, question, &Gate::MINILM)
        .await
        .expect("an answer");
    assert!(retrieval.without_vectors.is_none(), "{:?}", retrieval.without_vectors);
    retrieval
}

// Vectors alone, of the question as it is.
async fn nearest(bench: &Bench, text: &str) -> Vec<String> {
    let vector =
        bench.embedder.embed(&bench.platform, &[text.to_owned()], Kind::Query).await.expect("a vector");
    let hits = bench.store.query(&bench.platform, &vector[0], 50, &Filter::default()).await.expect("hits");
    hits.iter().map(|hit| hit.metadata["document"].as_str().unwrap_or_default().to_owned()).collect()
}

fn abstain(bench: &Bench, set: &Set, name: &str, answerable: &[abstention::Both]) -> Value {
    let unanswerable: Vec<(String, abstention::Both)> = set
        .unanswerable
        .iter()
        .map(|question| {
            let both = block_on(ask(bench, name, &question.text, true)).features;
            let words = block_on(ask(bench, name, &question.text, false)).features;
            (question.category.clone(), (both, words))
        })
        .collect();
    abstention::report(answerable, &unanswerable)
}
