//! Tests of the settings: everything wrong is named at once, and no value is.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::knowledge::{EmbeddingsProvider, Endpoint, Knowledge, PineconePlace, Store};
use super::{Config, ConfigError, DEFAULT_UPSTREAM_TIMEOUT_MS};
use crate::problem::{Kind, Problem};

const SECRET: &str = "a-secret-of-the-clinic-that-has-over-32-bytes";
const PUBLISHABLE: &str = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH";

fn jwt(role: &str) -> String {
    let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    format!(
        "{}.{}.c2ln",
        encode(r#"{"alg":"HS256"}"#),
        encode(&format!(r#"{{"iss":"supabase","role":"{role}"}}"#))
    )
}

/// The fewest settings that do, with changes; an empty value counts as missing.
fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let anon = jwt("anon");
    let base = [
        ("SUPABASE_URL", "https://clinic.supabase.co"),
        ("SUPABASE_ANON_KEY", anon.as_str()),
        ("SUPABASE_JWT_SECRET", SECRET),
        ("CLINIC_ID", "main-street"),
        ("RATE_LIMITS", "anon=120/60 user=600/60 auth=20/60"),
        ("RATE_LIMIT_ANON", "bound"),
        ("RATE_LIMIT_USER", "bound"),
        ("RATE_LIMIT_AUTH", "bound"),
    ];
    Config::from_lookup(|key| {
        changes.iter().chain(&base).find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
    })
}

fn faults(changes: &[(&str, &str)]) -> Vec<&'static str> {
    read(changes).expect_err("must be refused").keys().collect()
}

#[test]
fn defaults_open_nothing() {
    let config = read(&[]).unwrap();
    assert_eq!(config.supabase_url, "https://clinic.supabase.co");
    assert_eq!(config.jwt_issuer, "https://clinic.supabase.co/auth/v1");
    assert_eq!(config.jwt_audience, "authenticated");
    assert_eq!(config.upstream_timeout_ms, DEFAULT_UPSTREAM_TIMEOUT_MS);
    assert_eq!(config.jwt_secrets.len(), 1);
    assert!(
        config.allowed_origins.is_empty() && config.jwks_url.is_none() && config.publishable_key.is_none()
    );
    assert!(!config.allows_origin("https://clinic.supabase.co") && !config.allows_origin(""));
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let error = Config::from_lookup(|_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Chairside is not configured: SUPABASE_URL is missing; \
         SUPABASE_ANON_KEY is missing (or set SUPABASE_PUBLISHABLE_KEY); \
         SUPABASE_JWT_SECRET is missing (or set SUPABASE_JWKS_URL); CLINIC_ID is missing; RATE_LIMITS is missing; \
         RATE_LIMIT_ANON is missing; RATE_LIMIT_USER is missing; RATE_LIMIT_AUTH is missing"
    );
    let all = [
        ("SUPABASE_URL", "clinic"),
        ("SUPABASE_ANON_KEY", "x"),
        ("SUPABASE_PUBLISHABLE_KEY", "x"),
        ("SUPABASE_JWT_SECRET", "x"),
        ("SUPABASE_JWT_SECRET_PREVIOUS", "x"),
        ("SUPABASE_JWKS_URL", "x"),
        ("SUPABASE_JWT_ISSUER", "a b"),
        ("SUPABASE_JWT_AUDIENCE", "a b"),
        ("ALLOWED_ORIGINS", "*"),
        ("UPSTREAM_TIMEOUT_MS", "x"),
        ("CLINIC_ID", "Main Street"),
        ("RATE_LIMITS", "x"),
    ];
    assert_eq!(faults(&all), all.map(|(key, _)| key));
}

#[test]
fn a_blank_value_is_missing() {
    for key in ["SUPABASE_URL", "SUPABASE_ANON_KEY", "SUPABASE_JWT_SECRET", "CLINIC_ID"] {
        assert_eq!(faults(&[(key, "")]), [key]);
        assert_eq!(faults(&[(key, " \n")]), [key]);
    }
}

#[test]
fn the_url_is_an_origin() {
    for (url, kept) in [
        ("https://clinic.supabase.co/", "https://clinic.supabase.co"),
        ("http://127.0.0.1:54321", "http://127.0.0.1:54321"),
        ("http://localhost:54321", "http://localhost:54321"),
        ("http://[::1]:54321", "http://[::1]:54321"),
        ("http://kong:8000", "http://kong:8000"),
        ("http://10.0.0.7", "http://10.0.0.7"),
        ("https://supabase.clinic.test:8443", "https://supabase.clinic.test:8443"),
    ] {
        assert_eq!(read(&[("SUPABASE_URL", url)]).unwrap().supabase_url, kept);
    }
    for url in [
        "clinic.supabase.co",
        "ftp://clinic.supabase.co",
        "https://",
        "https:///x",
        "https://clinic.supabase.co/rest/v1",
        "https://clinic.supabase.co?x",
        "https://clinic.supabase.co#x",
        "https://user:pw@clinic.supabase.co",
        "https://a b",
        "https://clinic.supabase.co:0",
        "https://clinic.supabase.co:99999",
        "https://clinic.supabase.co:",
        "https://a..b",
        "https://clinic.supabase.co\\x",
        "https://[::1",
        "https://[x]",
        "javascript://x",
        "http://clinic.supabase.co",
        "http://8.8.8.8",
        "http://134744072",
        "http://0x8.0x8.0x8.0x8",
        "https://é.test",
        "https://a//",
    ] {
        assert_eq!(faults(&[("SUPABASE_URL", url)]), ["SUPABASE_URL"], "{url}");
    }
}

#[test]
fn the_anon_key_is_an_anon_key() {
    let others = [
        jwt("service_role"),
        jwt("authenticated"),
        "sb_secret_abcdefgh".into(),
        PUBLISHABLE.into(),
        "x.y.z".into(),
        "e30.e30".into(),
        "e30.e30.e30".into(),
        format!("{}.", jwt("anon")),
    ];
    for key in &others {
        assert_eq!(faults(&[("SUPABASE_ANON_KEY", key)]), ["SUPABASE_ANON_KEY"], "{key}");
    }
    let message = read(&[("SUPABASE_ANON_KEY", &others[0])]).unwrap_err().to_string();
    assert!(message.contains("service-role key, which must never be here"), "{message}");
}

#[test]
fn a_publishable_key_alone_will_do() {
    let config = read(&[("SUPABASE_ANON_KEY", ""), ("SUPABASE_PUBLISHABLE_KEY", PUBLISHABLE)]).unwrap();
    assert!(config.anon_key.is_none());
    assert!(
        config.is_public_key(PUBLISHABLE) && !config.is_public_key("") && !config.is_public_key(&jwt("anon"))
    );
    for key in
        ["sb_secret_abcdefgh", "sb_publishable_", "sb_publishable_a b c d e f", "publishable", &jwt("anon")]
    {
        assert_eq!(faults(&[("SUPABASE_PUBLISHABLE_KEY", key)]), ["SUPABASE_PUBLISHABLE_KEY"], "{key}");
    }
}

#[test]
fn tokens_can_be_verified_somehow() {
    let jwks = ("SUPABASE_JWKS_URL", "https://clinic.supabase.co/auth/v1/.well-known/jwks.json");
    let config = read(&[("SUPABASE_JWT_SECRET", ""), jwks]).unwrap();
    assert!(config.jwt_secrets.is_empty() && config.jwks_url.as_deref() == Some(jwks.1));
    let config =
        read(&[("SUPABASE_JWT_SECRET_PREVIOUS", "another-secret-that-has-over-32-bytes-too")]).unwrap();
    assert_eq!(config.jwt_secrets[0].expose(), SECRET);
    assert_eq!(config.jwt_secrets.len(), 2);
    assert_eq!(faults(&[("SUPABASE_JWT_SECRET", "")]), ["SUPABASE_JWT_SECRET"]);
    assert_eq!(
        faults(&[("SUPABASE_JWT_SECRET", ""), ("SUPABASE_JWT_SECRET_PREVIOUS", SECRET), jwks]),
        ["SUPABASE_JWT_SECRET"]
    );
    for url in [
        "http://clinic.supabase.co/jwks",
        "https://clinic.supabase.co",
        "https://clinic.supabase.co?x",
        "file:///etc/jwks",
        "https://a@b/jwks",
        "https://b/jwks#x",
    ] {
        assert_eq!(faults(&[("SUPABASE_JWKS_URL", url)]), ["SUPABASE_JWKS_URL"], "{url}");
    }
}

#[test]
fn secrets_are_long_and_not_everybodys() {
    assert_eq!(faults(&[("SUPABASE_JWT_SECRET", &"x".repeat(31))]), ["SUPABASE_JWT_SECRET"]);
    assert!(read(&[("SUPABASE_JWT_SECRET", &"x".repeat(32))]).is_ok());
    assert_eq!(faults(&[("SUPABASE_JWT_SECRET", &format!("{SECRET}\n"))]), ["SUPABASE_JWT_SECRET"]);
    let demo = ("SUPABASE_JWT_SECRET", "super-secret-jwt-token-with-at-least-32-characters-long");
    assert_eq!(faults(&[demo]), ["SUPABASE_JWT_SECRET"]);
    assert_eq!(faults(&[("SUPABASE_JWT_SECRET_PREVIOUS", demo.1)]), ["SUPABASE_JWT_SECRET"]);
    assert!(read(&[demo, ("SUPABASE_URL", "http://127.0.0.1:54321")]).is_ok());
}

#[test]
fn origins_are_exact() {
    let list = "https://app.clinic.test, http://localhost:3000 ,capacitor://localhost,";
    let config = read(&[("ALLOWED_ORIGINS", list)]).unwrap();
    assert_eq!(
        config.allowed_origins,
        ["https://app.clinic.test", "http://localhost:3000", "capacitor://localhost"]
    );
    assert!(config.allows_origin("https://app.clinic.test"));
    for origin in [
        "https://app.clinic.test:8443",
        "http://app.clinic.test",
        "https://app.clinic.test.evil.test",
        "https://evil.test/https://app.clinic.test",
        "null",
        "",
        "HTTPS://app.clinic.test",
    ] {
        assert!(!config.allows_origin(origin), "{origin}");
    }
    for list in [
        "*",
        "https://*.clinic.test",
        "https://app.clinic.test,*",
        "null",
        "app.clinic.test",
        "https://app.clinic.test/",
        "https://app.clinic.test:443",
        "http://app.clinic.test:80",
        "https://App.clinic.test",
        "HTTPS://app.clinic.test",
        "file://x",
        "javascript://x",
        "https://a@b.test",
        "https://a.test https://b.test",
    ] {
        assert_eq!(faults(&[("ALLOWED_ORIGINS", list)]), ["ALLOWED_ORIGINS"], "{list}");
    }
}

#[test]
fn the_timeout_has_bounds() {
    for (value, ms) in [("100", 100), ("120000", 120_000), (" 2500 ", 2500)] {
        assert_eq!(read(&[("UPSTREAM_TIMEOUT_MS", value)]).unwrap().upstream_timeout_ms, ms);
    }
    for value in ["99", "120001", "0", "-1", "1e3", "10s", "99999999999"] {
        assert_eq!(faults(&[("UPSTREAM_TIMEOUT_MS", value)]), ["UPSTREAM_TIMEOUT_MS"], "{value}");
    }
}

#[test]
fn no_value_is_shown_in_errors_or_debug() {
    let values = [
        ("SUPABASE_ANON_KEY", "wrong-anon-value"),
        ("SUPABASE_JWT_SECRET", "short-secret"),
        ("CLINIC_ID", "Wrong Clinic"),
        ("SUPABASE_URL", "wrong-url"),
    ];
    let error = read(&values).unwrap_err();
    let problem = Problem::from(error.clone());
    let shown =
        format!("{error} {error:?} {problem:?} {}", String::from_utf8(problem.to_json("id")).unwrap());
    assert!(values.iter().all(|(_, value)| !shown.contains(value)), "{shown}");
    let config = read(&[("SUPABASE_PUBLISHABLE_KEY", PUBLISHABLE)]).unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains(SECRET) && !shown.contains(PUBLISHABLE) && !shown.contains(&jwt("anon")),
        "{shown}"
    );
}

#[test]
fn the_client_reads_names_alone() {
    let problem = Problem::from(read(&[("SUPABASE_JWT_SECRET", "short"), ("CLINIC_ID", "")]).unwrap_err());
    assert_eq!((problem.kind, problem.status), (Kind::Misconfigured, 503));
    assert_eq!(problem.detail, "Missing or malformed settings: SUPABASE_JWT_SECRET, CLINIC_ID");
    assert!(problem.cause.as_deref().unwrap().contains("SUPABASE_JWT_SECRET is shorter than 32 bytes"));
}

const CHROMA: [(&str, &str); 2] = [("VECTOR_STORE", "chroma"), ("CHROMA_URL", "http://127.0.0.1:8000/")];
const EMBEDDINGS: [(&str, &str); 4] = [
    ("EMBEDDINGS", "openai"),
    ("EMBEDDINGS_URL", "http://127.0.0.1:8001/v1/"),
    ("EMBEDDINGS_MODEL", "all-MiniLM-L6-v2"),
    ("EMBEDDINGS_DIMENSION", "384"),
];

#[test]
fn without_a_chatbot_everything_else_runs() {
    assert_eq!(read(&[]).unwrap().knowledge, Knowledge::default());
    assert!(!read(&[]).unwrap().knowledge.anon);
    assert!(read(&[("CHAT_ANON", "true"), ("RERANK", "none")]).unwrap().knowledge.anon);
    let gate = read(&[("ANSWERABLE", "-6.5, 6.8, 6.4, 0.2")]).unwrap().knowledge.gate;
    assert_eq!(gate, Some([-6.5, 6.8, 6.4, 0.2]));
}

#[test]
fn a_chatbot_of_ones_own_servers() {
    let chat = [("CHAT", "openai"), ("CHAT_URL", "http://127.0.0.1:8002/v1"), ("CHAT_MODEL", "small")];
    let prefix = [("EMBEDDINGS_QUERY_PREFIX", "query: ")];
    let all: Vec<_> = CHROMA.into_iter().chain(EMBEDDINGS).chain(chat).chain(prefix).collect();
    let knowledge = read(&all).unwrap().knowledge;
    let Some(Store::Chroma(chroma)) = knowledge.store else { panic!("no Chroma") };
    assert_eq!((chroma.url.as_str(), chroma.collection.as_str()), ("http://127.0.0.1:8000", "knowledge"));
    assert_eq!((chroma.tenant.as_str(), chroma.database.as_str()), ("default_tenant", "default_database"));
    let embeddings = knowledge.embeddings.unwrap();
    let endpoint = Endpoint { url: "http://127.0.0.1:8001/v1".into(), api_key: None };
    assert_eq!(embeddings.provider, EmbeddingsProvider::OpenAi(endpoint));
    assert_eq!((embeddings.dimension, embeddings.query_prefix.as_str()), (384, "query: "));
    assert_eq!(knowledge.chat.unwrap().model, "small");
    assert_eq!(knowledge.rerank, None);
}

#[test]
fn a_chatbot_of_pinecone_and_workers_ai() {
    let all = [
        ("VECTOR_STORE", "pinecone"),
        ("PINECONE_API_KEY", "pcsk_key"),
        ("PINECONE_HOST", "clinic-abc.svc.region.example"),
        ("EMBEDDINGS", "workers-ai"),
        ("EMBEDDINGS_MODEL", "@cf/baai/bge-m3"),
        ("EMBEDDINGS_DIMENSION", "1024"),
        ("CHAT", "workers-ai"),
        ("CHAT_MODEL", "@cf/openai/gpt-oss-120b"),
        ("RERANK", "pinecone"),
        ("AI", "bound"),
    ];
    let knowledge = read(&all).unwrap().knowledge;
    let Some(Store::Pinecone(index)) = knowledge.store else { panic!("no Pinecone") };
    assert_eq!(index.place, PineconePlace::Host("https://clinic-abc.svc.region.example".into()));
    assert_eq!(index.account.api_version, "2026-04");
    assert_eq!(index.account.control_url, "https://api.pinecone.io");
    assert_eq!(knowledge.rerank.unwrap().model, "bge-reranker-v2-m3");
    let unbound = all.map(|(key, value)| if key == "AI" { (key, "") } else { (key, value) });
    assert_eq!(faults(&unbound), ["AI"]);
}

#[test]
fn what_the_chatbot_lacks_is_named() {
    for (given, missing) in [
        (vec![("VECTOR_STORE", "pinecone")], vec!["EMBEDDINGS", "PINECONE_API_KEY", "PINECONE_HOST"]),
        (vec![("VECTOR_STORE", "chroma")], vec!["EMBEDDINGS", "CHROMA_URL"]),
        (
            vec![("EMBEDDINGS", "openai")],
            vec!["VECTOR_STORE", "EMBEDDINGS_URL", "EMBEDDINGS_MODEL", "EMBEDDINGS_DIMENSION"],
        ),
        (vec![("CHAT", "openai")], vec!["CHAT_URL", "CHAT_MODEL"]),
        (vec![("CHAT_URL", "https://models.test/v1")], vec!["CHAT"]),
        (vec![("CHROMA_URL", "https://chroma.test")], vec!["VECTOR_STORE"]),
        (vec![("EMBEDDINGS_MODEL", "m")], vec!["EMBEDDINGS"]),
        (vec![("RERANK", "pinecone")], vec!["PINECONE_API_KEY"]),
    ] {
        let mut found = faults(&given);
        let mut missing = missing;
        found.sort_unstable();
        missing.sort_unstable();
        assert_eq!(found, missing, "{given:?}");
    }
}

#[test]
fn the_chatbots_settings_have_their_forms() {
    let whole: Vec<_> = CHROMA.into_iter().chain(EMBEDDINGS).collect();
    for (key, value) in [
        ("VECTOR_STORE", "weaviate"),
        ("EMBEDDINGS", "or"),
        ("CHAT", "pinecone"),
        ("RERANK", "chroma"),
        ("CHAT_ANON", "yes"),
        ("ANSWERABLE", "-6.5, 6.8, 6.4"),
        ("ANSWERABLE", "-6.5 6.8 much 0"),
        ("CHROMA_URL", "http://chroma.example"),
        ("CHROMA_COLLECTION", "a b"),
        ("CHROMA_TENANT", "../x"),
        ("CHROMA_TOKEN", "a b"),
        ("EMBEDDINGS_URL", "https://models.test/v1?key=x"),
        ("EMBEDDINGS_URL", "http://models.example/v1"),
        ("EMBEDDINGS_API_KEY", "a\nb"),
        ("EMBEDDINGS_DIMENSION", "0"),
        ("EMBEDDINGS_DIMENSION", "many"),
        ("EMBEDDINGS_PASSAGE_PREFIX", "a\tb"),
    ] {
        let mut all = vec![(key, value)];
        all.extend(whole.iter().copied());
        assert_eq!(faults(&all), [key], "{value}");
    }
}

#[test]
fn the_chatbots_keys_are_never_shown() {
    let mut all: Vec<_> = CHROMA.into_iter().chain(EMBEDDINGS).collect();
    all.extend([("CHROMA_TOKEN", "ck-secret"), ("EMBEDDINGS_API_KEY", "sk-secret")]);
    let shown = format!("{:?}", read(&all).unwrap());
    assert!(!shown.contains("ck-secret") && !shown.contains("sk-secret"), "{shown}");
}
