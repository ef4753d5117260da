//! The port to the outside on this machine: blocking HTTP.

use std::borrow::Cow;
use std::time::Duration;

use chairside::http::{Budget, Call, Collected, Platform, Reply, SendError};

pub struct Native;

impl Platform for Native {
    type Stream = Vec<u8>;

    async fn send(&self, call: Call, timeout_ms: u32) -> Result<Reply<Vec<u8>>, SendError> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_millis(timeout_ms.into())))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(call.method.name()).uri(&call.url);
        for (name, value) in &call.headers {
            request = request.header(name.as_ref(), value);
        }
        let sent = match call.body {
            Some(body) => agent.run(request.body(body).map_err(|error| unreachable_(&error))?),
            None => agent.run(request.body(()).map_err(|error| unreachable_(&error))?),
        };
        let mut reply = sent.map_err(|error| match error {
            ureq::Error::Timeout(_) => SendError::Timeout,
            other => unreachable_(&other),
        })?;
        let headers = call.reads.iter().filter_map(|name| {
            Some((Cow::Borrowed(*name), reply.headers().get(*name)?.to_str().ok()?.to_owned()))
        });
        let headers = headers.collect();
        let body = reply
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec()
            .map_err(|error| unreachable_(&error))?;
        Ok(Reply { status: reply.status().as_u16(), headers, body })
    }

    async fn collect(&self, body: Vec<u8>, limit: usize) -> Result<Collected<Vec<u8>>, SendError> {
        Ok(if body.len() <= limit { Collected::Whole(body) } else { Collected::Longer(body) })
    }

    async fn admit(&self, _: Budget, _: &str) -> Result<bool, String> {
        Ok(true)
    }

    async fn open_room(&self, _: &str, _: u32, _: &str) -> Result<Reply<Vec<u8>>, SendError> {
        Err(SendError::Unreachable("there are no rooms here".to_owned()))
    }

    async fn catalogue_version(&self, _: &str) -> Option<String> {
        None
    }

    async fn recall(&self, _: &str, _: &'static [&'static str]) -> Option<Reply<Vec<u8>>> {
        None
    }

    async fn keep(&self, _: &str, reply: Reply<Vec<u8>>, _: u32) -> Reply<Vec<u8>> {
        reply
    }

    async fn sleep(&self, ms: u32) {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }

    fn upstream_ms(&self) -> u64 {
        0
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn new_id(&self) -> String {
        String::new()
    }
}

fn unreachable_(error: &impl ToString) -> SendError {
    SendError::Unreachable(error.to_string())
}
