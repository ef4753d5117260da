//! Server-sent events as a model streams them: bytes in, in whatever pieces, the events' data out.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>; names, ids and retry times
//! of events mean nothing here.

use super::upstream::Fault;

/// The longest event that is put together, in bytes.
const LONGEST: usize = 1 << 20;
const TOO_LONG: Fault = Fault::Garbled("an event of the stream is too long");
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What has been read so far of an event that is not complete.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    // The last byte was CR: an LF after it belongs to the same line's end.
    after_cr: bool,
    begun: bool,
}

impl Parser {
    /// Takes in bytes and gives the data of every event that they complete.
    ///
    /// # Errors
    /// When an event is longer than it may be, or is no UTF-8.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, Fault> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                byte => {
                    self.after_cr = false;
                    self.line.push(byte);
                    if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > LONGEST {
                        return Err(TOO_LONG);
                    }
                }
            }
        }
        Ok(events)
    }

    // An empty line completes the event; a stream that ends without one leaves its last event incomplete.
    fn end_line(&mut self) -> Result<Option<String>, Fault> {
        let mut line = std::mem::take(&mut self.line);
        if !self.begun {
            self.begun = true;
            if line.starts_with(MARK) {
                line.drain(..MARK.len());
            }
        }
        if line.is_empty() {
            let data = self.data.take();
            let text = data.map(|data| String::from_utf8(data).map_err(|_| Fault::Garbled("not UTF-8")));
            return text.transpose();
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        if &line[..colon] == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_vec()),
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
        }
        Ok(None)
    }
}

/// An event with this data, as bytes for a client.
pub fn event(data: &str) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: a comment\r\ndata: {\"a\":\"é☃😀\"}\r\n\r\nevent: x\ndata: one\ndata:two\ndata\n\nid: 3\n\
                          retry: 10\n\n:\n\ndata:  two spaces\r\rdata: [DONE]\n\ndata: never ended\n";

    fn wanted() -> Vec<String> {
        ["{\"a\":\"é☃😀\"}", "one\ntwo\n", " two spaces", "[DONE]"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_whole_stream() {
        assert_eq!(Parser::default().feed(STREAM.as_bytes()), Ok(wanted()));
    }

    #[test]
    fn split_at_every_byte_it_says_the_same() {
        let bytes = STREAM.as_bytes();
        for at in 0..=bytes.len() {
            let mut parser = Parser::default();
            let mut events = parser.feed(&bytes[..at]).unwrap_or_default();
            events.extend(parser.feed(&bytes[at..]).unwrap_or_default());
            assert_eq!(events, wanted(), "split at {at}");
        }
    }

    #[test]
    fn byte_by_byte_and_with_every_kind_of_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = format!("data: a{end}data: b{end}{end}data: [DONE]{end}{end}");
            let mut parser = Parser::default();
            let events: Vec<String> =
                stream.bytes().flat_map(|byte| parser.feed(&[byte]).unwrap_or_default()).collect();
            assert_eq!(events, ["a\nb", "[DONE]"], "{end:?}");
        }
    }

    #[test]
    fn what_is_no_text_or_never_ends_is_refused() {
        assert!(matches!(Parser::default().feed(b"data: \xff\n\n"), Err(Fault::Garbled(_))));
        let mut parser = Parser::default();
        let line = [b'x'; 4096];
        let refused = (0..300).any(|_| parser.feed(&line).is_err());
        assert!(refused);
        let mut parser = Parser::default();
        let refused = (0..300).any(|_| {
            parser.feed(b"data: ").and_then(|_| parser.feed(&line)).and_then(|_| parser.feed(b"\n")).is_err()
        });
        assert!(refused, "many lines of one event");
    }

    #[test]
    fn an_event_for_a_client_reads_back() {
        assert_eq!(Parser::default().feed(&event("x")), Ok(vec!["x".to_owned()]));
    }
}
