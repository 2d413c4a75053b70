//! Types in names: of what an impl is, and what a destructor destroys. Paths in them are `name.rs`'s, which calls this file
//! in turn; neither goes deeper than a name may.

use super::cursor::Cursor;
use super::name::{DEEPEST, path};

/// Whether a type built of others shows those.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Elements {
    /// All of them.
    Kept,
    /// As `_`.
    Elided,
}

/// A type, read.
pub(super) struct Type {
    /// As people read it.
    pub(super) text: String,
    /// Whether methods of it are written `path::method`.
    pub(super) is_path: bool,
}

impl Type {
    /// Reads the type that is next.
    pub(super) fn read(cursor: &mut Cursor<'_>, elements: Elements, depth: usize) -> Option<Type> {
        if depth > DEEPEST {
            return None;
        }
        let inner = |cursor: &mut Cursor<'_>| Some(Type::read(cursor, elements, depth + 1)?.text);
        let element = |cursor: &mut Cursor<'_>| {
            let text = inner(cursor)?;
            Some(if elements == Elements::Kept { text } else { "_".into() })
        };
        let built = |text| Some(Type { text, is_path: false });
        if cursor.eat("&") {
            cursor.lifetime();
            let mutable = if cursor.eat("mut ") { "mut " } else { "" };
            return built(format!("&{mutable}{}", inner(cursor)?));
        }
        for pointer in ["*const ", "*mut "] {
            if cursor.eat(pointer) {
                return built(format!("{pointer}{}", element(cursor)?));
            }
        }
        if cursor.is_at("[") {
            let mut inside = Cursor::new(cursor.group()?);
            let element = element(&mut inside)?;
            return built(if inside.is_at_end() { format!("[{element}]") } else { format!("[{element}; _]") });
        }
        if cursor.is_at("(") {
            return built(tuple(cursor.group()?, element)?);
        }
        if cursor.eat("!") {
            return built("!".into());
        }
        if cursor.eat("dyn ") {
            return built(format!("dyn {}", bounds(cursor, depth)?));
        }
        if let Some(function) = function_pointer(cursor, element) {
            return built(function?);
        }
        Some(Type { text: path(cursor, depth + 1)?, is_path: true })
    }
}

/// What is in parentheses, element by element.
fn tuple(inside: &str, element: impl Fn(&mut Cursor<'_>) -> Option<String>) -> Option<String> {
    let mut cursor = Cursor::new(inside);
    let mut read = Vec::new();
    while !cursor.is_at_end() {
        read.push(element(&mut cursor)?);
        if !cursor.eat(",") {
            break;
        }
        cursor.eat(" ");
    }
    if !cursor.is_at_end() {
        return None;
    }
    Some(if read.len() == 1 && inside.ends_with(',') {
        format!("({},)", read[0])
    } else {
        format!("({})", read.join(", "))
    })
}

/// The traits of a trait object. The older mangling writes associated types as if they were more of them.
fn bounds(cursor: &mut Cursor<'_>, depth: usize) -> Option<String> {
    let mut read: Vec<String> = Vec::new();
    loop {
        higher_ranked(cursor)?;
        cursor.lifetime();
        if !(cursor.is_at(">") || cursor.is_at(" ") || cursor.is_at("+") || cursor.is_at_end()) {
            let bound = path(cursor, depth + 1)?;
            if cursor.eat(" = ") {
                Type::read(cursor, Elements::Elided, depth + 1)?;
            } else {
                read.push(bound);
            }
        }
        if !(cursor.eat(" + ") || cursor.eat("+")) {
            return Some(read.join(" + "));
        }
    }
}

/// A pointer to a function, if there is one.
fn function_pointer(
    cursor: &mut Cursor<'_>,
    element: impl Fn(&mut Cursor<'_>) -> Option<String>,
) -> Option<Option<String>> {
    let mut ahead = *cursor;
    higher_ranked(&mut ahead)?;
    ahead.eat("unsafe ");
    if ahead.eat("extern ") {
        ahead.eat("\"");
        while ahead.identifier().is_some() || ahead.eat("-") {}
        ahead.eat("\"");
        ahead.eat(" ");
    }
    if !ahead.eat("fn") || !ahead.is_at("(") {
        return None;
    }
    *cursor = ahead;
    let mut read = || {
        let parameters = tuple(cursor.group()?, &element)?;
        let result = if cursor.eat(" -> ") { format!(" -> {}", element(cursor)?) } else { String::new() };
        Some(format!("fn{parameters}{result}"))
    };
    Some(read())
}

/// Goes past `for<'a> `, if that is next.
fn higher_ranked(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.is_at("for<") {
        cursor.eat("for");
        cursor.group()?;
        cursor.eat(" ");
    }
    Some(())
}
