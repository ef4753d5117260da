//! `/auth/v1/*`: passed through to Supabase Auth, as far as its paths are on the allow-list.

use crate::app::{App, Seen, address};
use crate::auth::routes::{self, AuthRoute, Body, Limit};
use crate::http::{Answer, BodyError, Budget, Call, Headers, Payload, Platform, Request, header};
use crate::problem::{Kind, Problem};
use crate::rest::unreachable;

/// Serves one request. Replies, errors too, keep Auth's own form: its clients read it.
pub(crate) async fn serve<P: Platform>(
    app: &App,
    path: &str,
    request: &impl Request,
    platform: &P,
    request_id: &str,
    seen: &mut Seen,
) -> Result<Answer<P::Stream>, Problem> {
    let query = request.query();
    let route = routes::route(request.method().name(), path, query)?;
    let budget = if route.limit == Limit::Strict { Budget::Auth } else { Budget::Anon };
    seen.budget = Some(budget);
    app.spend(platform, budget, &address(request)).await?;
    let caller = app.caller(request, platform).await?;
    seen.role = caller.role;
    let body = body(&route, request).await?;
    let mut headers: Headers = routes::REQUEST_HEADERS
        .iter()
        .filter_map(|name| Some(header(name, request.header(name)?.into_owned())))
        .collect();
    let upstream = caller.upstream(&app.config);
    headers.extend(upstream.apikey.map(|key| header("apikey", key.to_owned())));
    headers.extend(upstream.bearer.map(|token| header("authorization", format!("Bearer {token}"))));
    headers.push(header("x-request-id", request_id.to_owned()));
    let separator = if query.is_empty() { "" } else { "?" };
    let url = format!("{}/auth/v1{path}{separator}{query}", app.config.supabase_url);
    let call = Call { reads: routes::RESPONSE_HEADERS, ..Call::new(request.method(), url, headers, body) };
    let reply = platform
        .send(&call, app.config.upstream_timeout_ms)
        .await
        .map_err(|error| unreachable(error, "sign-in service"))?;
    let has_body = reply.status != 204 && reply.header("content-type").is_some();
    Ok(Answer {
        status: reply.status,
        headers: reply.headers,
        body: if has_body { Payload::Stream(reply.body) } else { Payload::Empty },
    })
}

async fn body(route: &AuthRoute, request: &impl Request) -> Result<Option<Vec<u8>>, Problem> {
    if route.body == Body::None {
        return Ok(None);
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    route.check_body(request.header("content-type").as_deref(), length)?;
    let limit = usize::try_from(routes::MAX_BODY).unwrap_or(usize::MAX);
    let bytes = request.body(limit).await.map_err(|error| match error {
        BodyError::TooLarge => Problem::new(Kind::TooLarge, format!("A body here may have {limit} bytes.")),
        BodyError::Aborted => Problem::new(Kind::InvalidBody, "The body broke off."),
    })?;
    Ok((!bytes.is_empty()).then_some(bytes))
}
