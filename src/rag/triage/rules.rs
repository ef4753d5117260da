//! The rules: which of the patterns of `patterns.txt` make a red flag together.
//!
//! After NHS advice on dental emergencies. An emergency must not be missed: where a rule has to err, it sends people to
//! help that they do not need.

use super::text::Words;

/// A red flag of the first kind: life or sight may be in danger.
pub fn is_emergency(words: &Words) -> bool {
    breathing(words)
        || bleeding(words)
        || swelling(words)
        || injury(words)
        || words.has("gone")
        || words.has("anaphylaxis")
        || words.has("allergy") && words.has("allergy_sign") && words.has("swell")
        || words.has("reaction") && words.has("allergy_sign")
        || words.has("heart")
        || words.has("poison")
        || words.has("despair")
        || words.has("inhaled")
        || words.has("infection") && words.has("fever") && words.has("sepsis")
}

fn breathing(words: &Words) -> bool {
    words.has("breath") && !words.mentions("not_of_the_chest")
        || words.has("swallow") && !words.mentions("not_of_the_throat")
        || words.has("drool") && !words.mentions("harmless_drool")
}

fn bleeds(words: &Words) -> bool {
    // What soaks the gauze is not always said.
    if words.has("gauze") {
        return true;
    }
    let stopped = words.has("stopped") && !words.mentions("again");
    let of_another_kind = words.mentions("blood_of_another_kind") && !words.has("bleeding");
    words.has("bleed") && !stopped && !of_another_kind
}

fn bleeding(words: &Words) -> bool {
    if !bleeds(words) || words.mentions("brushing") && !words.has("heavy") {
        return false;
    }
    let goes_on = words.has("endless") || words.has("goes_on") && !words.mentions("gums");
    words.has("heavy")
        || words.has("calling")
        || goes_on && (!words.mentions("pulled") || words.mentions("not_pulled"))
}

fn swelling(words: &Words) -> bool {
    words.has("swell") && (words.has("spread_to") || words.has("speech")) || words.has("eye_shut")
}

fn injury(words: &Words) -> bool {
    let head = words.has("head") && words.has("senses");
    let crash = words.has("crash") && words.has("face") && words.has("hurt_badly");
    words.has("face_broken") || head || crash
}

/// A red flag of the second kind: a dentist has to see it the same day.
pub fn is_urgent(words: &Words) -> bool {
    let milk = words.mentions("milk");
    let out = words.has("knocked") && (words.has("blow") || words.has("surely"));
    let knocked = words.has("tooth") && !milk && (out || words.has("moved") && words.has("blow"));
    let pain = words.has("pain") && words.has("unbearable") || words.has("tooth") && words.has("sleepless");
    let growing = words.has("swell") && words.has("grows") && !words.mentions("falls");
    let face = words.has("face_swollen")
        && !words.mentions("pulled")
        && !words.mentions("falls")
        && !words.mentions("gums");
    let wound =
        bleeds(words) && (words.has("endless") || words.has("goes_on")) && !words.mentions("brushing");
    let wound = wound && (words.mentions("pulled") || !words.mentions("gums"));
    let abscess = words.has("infection") && words.has("fever");
    knocked || pain || growing || face || wound || abscess || words.has("broken_tooth") && words.has("pulp")
}

/// Sentences that speak of the past, ask in general, suppose, or are about an animal: nobody is in danger in them.
pub fn is_beside_the_point(sentence: &Words) -> bool {
    let past = sentence.mentions("past") && !sentence.mentions("present");
    let general = sentence.begins("asking") && !sentence.begins("cannot") && !sentence.mentions("person");
    let supposed = (sentence.begins("supposing") || sentence.mentions("fearing"))
        && sentence.mentions("procedure")
        && !sentence.mentions("present");
    let animal = sentence.mentions("animal") && !sentence.mentions("by_animal");
    past || general || supposed || animal
}
