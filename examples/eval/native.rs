//! The port to the outside on this machine: blocking HTTP.

use std::time::Duration;

use chairside::http::{Call, Collected, Reply, SendError, header};
use chairside::rag::upstream::Upstream;

pub struct Native;

impl Upstream for Native {
    type Body = Vec<u8>;

    async fn fetch(&self, call: Call, timeout_ms: u32) -> Result<Reply<Vec<u8>>, SendError> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_millis(timeout_ms.into())))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(call.method.name()).uri(&call.url);
        for (name, value) in &call.headers {
            request = request.header(name.as_ref(), value.as_ref());
        }
        let sent = match call.body {
            Some(body) => agent.run(request.body(body).map_err(|error| unreachable_(&error))?),
            None => agent.run(request.body(()).map_err(|error| unreachable_(&error))?),
        };
        let mut reply = sent.map_err(|error| match error {
            ureq::Error::Timeout(_) => SendError::Timeout,
            other => unreachable_(&other),
        })?;
        let headers = call
            .reads
            .iter()
            .filter_map(|name| Some(header(name, reply.headers().get(*name)?.to_str().ok()?.to_owned())));
        let headers = headers.collect();
        let body = reply
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec()
            .map_err(|error| unreachable_(&error))?;
        Ok(Reply { status: reply.status().as_u16(), headers, body })
    }

    async fn run_ai(
        &self,
        _model: &str,
        _input: &str,
        _timeout_ms: u32,
    ) -> Result<Reply<Vec<u8>>, SendError> {
        Err(SendError::Unreachable("there is no AI binding outside Workers".to_owned()))
    }

    async fn read(&self, body: Vec<u8>, limit: usize) -> Result<Collected<Vec<u8>>, SendError> {
        Ok(if body.len() <= limit { Collected::Whole(body) } else { Collected::Longer(body) })
    }

    async fn pause(&self, ms: u32) {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }

    fn chance(&self) -> String {
        String::new()
    }
}

fn unreachable_(error: &impl ToString) -> SendError {
    SendError::Unreachable(error.to_string())
}
