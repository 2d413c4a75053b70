//! Counts the words of a file, or of a made-up text of N words: `wordcount FILE`, `wordcount N`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "1000000".to_owned());
    let text = match argument.parse() {
        Ok(words) => prof_examples::text(words),
        Err(_) => match std::fs::read_to_string(&argument) {
            Ok(text) => text,
            Err(error) => {
                println!("{argument}: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    match prof_examples::most_frequent(&text) {
        Some((word, count)) => println!("{word}: {count}"),
        None => println!("no words"),
    }
    ExitCode::SUCCESS
}
