//! `wash completion SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Cli;
use crate::output::Reply;

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &CompletionArgs) -> Reply {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wash", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let data = json!({"shell": args.shell.to_string(), "script": script});
    Reply::new(script, data)
}
