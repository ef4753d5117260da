use super::*;

fn redacted(text: &str) -> String {
    Redactor::of([text].into_iter()).redact(text)
}

#[test]
fn what_names_a_person_is_taken_out() {
    for (said, sent) in [
        ("My name is Jordan Q. Vega and my tooth hurts", "My name is [name] Q. [name] and my tooth hurts"),
        ("my name is kofi, I lost a filling", "my name is [name], I lost a filling"),
        ("I'm Priyanka, can I eat?", "I'm [name], can I eat?"),
        ("Hi, this is Tobias Lindqvist. Is Kofi Mensah there?", "Hi, this is [name]. Is Kofi Mensah there?"),
        (
            "My son Thabo has a toothache. Can Thabo come today?",
            "My son [name] has a toothache. Can [name] come today?",
        ),
        ("Mrs. Okafor's denture broke", "Mrs. [name] denture broke"),
        ("John Smith needs a crown. Smith is 40.", "[name] needs a crown. [name] is 40."),
        ("Can you see Maria tomorrow?", "Can you see [name] tomorrow?"),
        ("It hurts.\nThanks, Bartholomew", "It hurts.\nThanks, [name]"),
        ("Patient: Li Wei. Any openings?", "Patient: [name]. Any openings?"),
    ] {
        assert_eq!(redacted(said), sent, "{said}");
    }
}

#[test]
fn what_leads_to_a_person_is_taken_out() {
    for (said, sent) in [
        ("Call me at +1 (212) 555-0100 or 0171 2345678", "Call me at [phone] or [phone]"),
        ("write to jo.o'neil+x@mail.example.org please", "write to [email] please"),
        ("born 1987-03-12, DOB: 03/12/1987", "born [date], DOB: [date]"),
        ("since 3rd of March 2026, on May 5 and on 12 Oct", "since [date], on [date] and on [date]"),
        ("my chart no. 55214 and MRN: A-99812", "my chart no. [number] and MRN: [number]"),
        ("member ID XYZ123456789, group 00412", "member ID [number], group [number]"),
        ("policy number is 12-345-678", "policy number is [number]"),
        ("SSN 078-05-1120", "SSN [number]"),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("I am 00000000-0000-4000-8000-0000000a0001", "I am [number]"),
        ("I live at 221B Baker Street, Apt 4", "I live at [address]"),
        ("12 oak lane, NY 10001", "[address], [address]"),
        ("I live in San Francisco and have braces", "I live in [address] and have braces"),
        ("see https://me.example/photo?id=3", "see [link]"),
    ] {
        assert_eq!(redacted(said), sent, "{said}");
    }
}

#[test]
fn what_the_answer_depends_on_stays() {
    for said in [
        "Can I take 400 mg ibuprofen every 6 hours for 3 days?",
        "Is $1,200 for a crown on tooth 14 normal? D2740",
        "The pain is 8/10 since yesterday, 20 minutes each",
        "I'm worried about my wisdom teeth",
        "Are you open 8:00 - 17:30 on Monday, or 24/7?",
        "Does Delta Dental or Blue Cross Blue Shield pay 50%?",
        "Is Dr. Chen in on Friday?",
        "Can my son have braces at 12?",
        "How long after a root canal can I eat? I'm Diabetic",
        "What does insurance cover in 2026, and case 2?",
        "3 to 4 weeks, 1 or 2 fillings, 10-15 minutes, 1,500 to 2,000",
        "I'm 34 weeks pregnant. May I have X-rays?",
        "Hi! For how long should I fast?",
        "My wisdom tooth came out on Monday",
    ] {
        assert_eq!(redacted(said), said);
    }
}

#[test]
fn a_name_given_once_is_known_in_the_whole_conversation() {
    let messages = ["My name is Xiomara Quispe", "Does quispe need an appointment? xiomara's gums bleed"];
    let redactor = Redactor::of(messages.into_iter());
    assert_eq!(redactor.redact(messages[1]), "Does [name] need an appointment? [name] gums bleed");
}

#[test]
fn placeholders_are_not_searched_for() {
    assert_eq!(without_placeholders("I'm [name], is [phone] yours?"), "I'm , is yours?");
}

#[test]
fn every_pattern_is_one() {
    assert_eq!(patterns().len(), SOURCES.len());
    assert_eq!(names::given("name is Xu").len(), 1);
}
