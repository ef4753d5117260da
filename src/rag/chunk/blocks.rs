//! Markdown as far as cutting needs it: headings, paragraphs, list items, table rows, fenced code.

/// What stands under one heading.
#[derive(Debug)]
pub struct Section {
    /// The headings above it, outermost first.
    pub path: Vec<String>,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// A paragraph, a list item, a table's row or a line of code.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Its text; a paragraph's line breaks are kept as spaces.
    pub text: String,
    /// Whether it follows the block before on the next line, as a list's items and a table's rows do.
    pub tight: bool,
}

/// The longest heading that is kept as one: longer ones are text.
const HEADING_CHARS: usize = 200;

struct Reader {
    title: String,
    sections: Vec<Section>,
    // (level, text); a FAQ's question in bold counts as level 7.
    path: Vec<(usize, String)>,
    blocks: Vec<Block>,
    paragraph: Vec<String>,
    tight: bool,
}

/// The document's sections, in order. A heading without text below it becomes text, so that nothing is lost.
pub fn sections(title: &str, markdown: &str) -> Vec<Section> {
    let mut reader = Reader {
        title: squeeze(title),
        sections: Vec::new(),
        path: Vec::new(),
        blocks: Vec::new(),
        paragraph: Vec::new(),
        tight: false,
    };
    let mut fence: Option<String> = None;
    for line in markdown.lines() {
        if let Some(marker) = &fence {
            let ends = line.trim_start().starts_with(marker.as_str());
            reader.row(line.trim());
            if ends {
                fence = None;
            }
            continue;
        }
        fence = fence_marker(line);
        if fence.is_some() { reader.row(line.trim()) } else { reader.line(line) }
    }
    reader.end_section(0);
    reader.sections
}

impl Reader {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            self.end_paragraph();
            self.tight = false;
        } else if let Some((level, heading)) = heading(text) {
            self.enter(level, &heading);
        } else if let Some(level) = underline(text).filter(|_| self.paragraph.len() == 1) {
            let heading = self.paragraph.remove(0);
            self.enter(level, &heading);
        } else if is_item(text) || text.starts_with('|') {
            self.end_paragraph();
            self.paragraph.push(text.to_owned());
        } else {
            self.paragraph.push(text.to_owned());
        }
    }

    fn row(&mut self, text: &str) {
        self.end_paragraph();
        if !text.is_empty() {
            self.paragraph.push(text.to_owned());
            self.end_paragraph();
        }
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.is_empty() {
            return;
        }
        let text = squeeze(&std::mem::take(&mut self.paragraph).join(" "));
        if text.is_empty() {
            return;
        }
        if let Some(question) = question(&text) {
            self.enter(7, &question);
            return;
        }
        self.blocks.push(Block { text, tight: self.tight });
        self.tight = true;
    }

    fn enter(&mut self, level: usize, heading: &str) {
        self.end_section(level);
        let heading = squeeze(heading);
        if heading.chars().count() > HEADING_CHARS {
            self.blocks.push(Block { text: heading, tight: false });
            return;
        }
        let own = if level == 1 && heading == self.title { String::new() } else { heading };
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, own));
    }

    // `next` is the level of the heading that follows.
    fn end_section(&mut self, next: usize) {
        self.end_paragraph();
        let mut path: Vec<String> =
            self.path.iter().map(|(_, text)| text.clone()).filter(|text| !text.is_empty()).collect();
        let mut blocks = std::mem::take(&mut self.blocks);
        self.tight = false;
        let childless = self.path.last().is_some_and(|(level, text)| *level >= next && !text.is_empty());
        if blocks.is_empty() && childless {
            blocks.extend(path.pop().map(|text| Block { text, tight: false }));
        }
        if !blocks.is_empty() {
            self.sections.push(Section { path, blocks });
        }
    }
}

fn heading(text: &str) -> Option<(usize, String)> {
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &text[level..];
    if !(1..=6).contains(&level) || !rest.starts_with([' ', '\t']) {
        return None;
    }
    let heading = rest.trim().trim_end_matches('#').trim();
    (!heading.is_empty()).then(|| (level, heading.to_owned()))
}

fn underline(text: &str) -> Option<usize> {
    if text.len() < 3 {
        None
    } else if text.bytes().all(|byte| byte == b'=') {
        Some(1)
    } else {
        text.bytes().all(|byte| byte == b'-').then_some(2)
    }
}

fn fence_marker(line: &str) -> Option<String> {
    let text = line.trim_start();
    ["```", "~~~"].iter().find(|marker| text.starts_with(**marker)).map(|marker| (*marker).to_owned())
}

fn is_item(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    ["- ", "* ", "+ "].iter().any(|bullet| text.starts_with(bullet))
        || ((1..=4).contains(&digits) && [". ", ") "].iter().any(|mark| text[digits..].starts_with(mark)))
}

// A paragraph that is nothing but a question in bold, or begins with `Q:`, heads what follows.
fn question(text: &str) -> Option<String> {
    let bold = text
        .strip_prefix("**")
        .and_then(|rest| rest.strip_suffix("**"))
        .filter(|inner| !inner.contains("**"));
    let plain = text.strip_prefix("Q:").or_else(|| bold?.strip_prefix("Q:")).or(bold)?.trim();
    (plain.ends_with('?') && plain.chars().count() <= HEADING_CHARS).then(|| plain.to_owned())
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text without Markdown's mark-up: emphasis, code marks, and links' targets are dropped.
pub fn plain(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find(['[', '*', '`', '_']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some((label, after)) = link(from) {
            out.push_str(&plain(label));
            rest = after;
        } else {
            let inside_word = from.starts_with('_')
                && out.ends_with(char::is_alphanumeric)
                && from[1..].starts_with(char::is_alphanumeric);
            if from.starts_with('[') || inside_word {
                out.push_str(&from[..1]);
            }
            rest = &from[1..];
        }
    }
    out + rest
}

// `[label](target)` at the start: the label and what comes after.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, after) = text.strip_prefix('[')?.split_once("](")?;
    let (target, rest) = after.split_once(')')?;
    (!label.contains(['[', ']', '\n']) && !target.contains(char::is_whitespace)).then_some((label, rest))
}
