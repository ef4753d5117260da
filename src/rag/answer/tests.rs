use futures::executor::block_on;
use futures::{StreamExt, stream};

use super::*;
use crate::http::SendError;
use crate::rag::chat::read_event;

fn sources() -> Vec<Source> {
    let source = |number, sentences: &[&str]| Source {
        number,
        id: format!("d#{number}"),
        document: "d".into(),
        title: "After an extraction".into(),
        heading: String::new(),
        sentences: sentences.iter().map(|&one| one.to_owned()).collect(),
    };
    vec![
        source(1, &["What now?", "Bite on the gauze for 30 minutes.", "Do not rinse on the first day."]),
        source(2, &["Eat soft food for two days."]),
    ]
}

fn event(text: &str) -> String {
    format!("data: {}\n\n", serde_json::json!({"choices": [{"delta": {"content": text}}]}))
}

fn stop(reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\ndata: [DONE]\n\n")
}

fn answering(stream: &str, fault: Option<SendError>) -> Answering {
    let pieces: Vec<_> = stream.bytes().map(|byte| Ok(vec![byte])).chain(fault.map(Err)).collect();
    let deltas = Deltas::new(stream::iter(pieces).boxed_local(), read_event);
    Answering::new(deltas, sources(), "May I rinse after my extraction?")
}

fn steps(stream: &str, fault: Option<SendError>) -> (String, Step) {
    let mut answering = answering(stream, fault);
    let mut said = String::new();
    loop {
        match block_on(answering.next()) {
            Some(Step::Say(sentence)) => said = [said, sentence.text, "|".into()].concat(),
            Some(Step::Withheld) => {}
            Some(end) => {
                assert_eq!(block_on(answering.next()), None);
                return (said, end);
            }
            None => return (said, Step::Failed(Fault::Garbled("no end"))),
        }
    }
}

#[test]
fn only_sentences_that_pass_are_said() {
    let stream = format!(
        "{}{}{}",
        event("Do not rinse on the first day [1]. I love you. Bite on the gauze for 3"),
        event("0 minutes.[1] Eat soft food for nine days [2]. Eat soft food for two days [2]"),
        stop("stop")
    );
    let said = "Do not rinse on the first day [1].|Bite on the gauze for 30 minutes [1].|Eat soft food for two days [2].|";
    assert_eq!(steps(&stream, None), (said.to_owned(), Step::End(Ended::Whole)));
}

#[test]
fn a_sentence_that_was_cut_off_is_not_said() {
    let stream =
        format!("{}{}", event("Do not rinse on the first day [1]. Eat soft food for two"), stop("length"));
    assert_eq!(
        steps(&stream, None),
        ("Do not rinse on the first day [1].|".into(), Step::End(Ended::Short(Finish::Length)))
    );
}

#[test]
fn a_stream_that_breaks_off_fails() {
    let stream = event("Do not rinse on the first day [1]. Eat soft food for two days [2].");
    let (said, end) = steps(&stream, None);
    assert_eq!(said, "Do not rinse on the first day [1].|");
    assert!(matches!(end, Step::Failed(Fault::Garbled(_))), "{end:?}");
    assert_eq!(steps(&stream, Some(SendError::Timeout)).1, Step::Failed(Fault::Timeout));
}

#[test]
fn giving_up_is_told_apart_from_saying_nothing() {
    assert_eq!(steps(&format!("{}{}", event("NO ANSWER"), stop("stop")), None).1, Step::End(Ended::NoAnswer));
    assert_eq!(
        steps(&format!("{}{}", event("I cannot say."), stop("stop")), None).1,
        Step::End(Ended::Whole)
    );
}

#[test]
fn one_that_goes_on_and_on_is_stopped() {
    let stream = format!("{}{}", event(&"Do not rinse on the first day [1]. ".repeat(1000)), stop("stop"));
    let (said, end) = steps(&stream, None);
    assert_eq!((said.matches('|').count(), end), (1, Step::End(Ended::Short(Finish::Length))));
    let stream = event(&"la ".repeat(6000));
    assert_eq!(steps(&stream, None).1, Step::End(Ended::Short(Finish::Length)));
}

#[test]
fn where_the_model_has_nothing_to_say_the_documents_are_quoted() {
    let quoted: Vec<String> =
        answering("", None).quotation().into_iter().map(|sentence| sentence.text).collect();
    assert_eq!(quoted, ["Bite on the gauze for 30 minutes [1].", "Do not rinse on the first day [1]."]);
}

#[test]
fn a_sentence_that_may_not_be_said_is_told_of_when_it_is_withheld() {
    let stream = ["I love you. ", "And you. ", "And them. "].map(event).concat();
    let mut answering = answering(&stream, None);
    assert_eq!(block_on(answering.next()), Some(Step::Withheld));
    assert!(!answering.written.contains("them"), "before all is read");
}
