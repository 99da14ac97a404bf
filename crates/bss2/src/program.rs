//! The program: from what was typed to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{CalibCommand, ChipCommand, Cli, Command, DeployCommand, NetworkCommand, StudyCommand, TwinCommand};
use crate::{commands, config};

/// Runs the program. Errors go to stderr; the exit code is 0 for success, 1 for an error, 2 for wrong arguments, 130 for
/// Ctrl-C.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut command = Cli::command();
    command = command.mut_subcommand("train", |train| train.after_long_help(config::help()));
    let cli = match command.try_get_matches_from_mut(arguments).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let result = match &cli.command {
        Command::Train(args) => commands::train::run(args),
        Command::Infer(args) => commands::infer::run(args),
        Command::Simulate(args) => commands::simulate::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Network(NetworkCommand::Show(args)) => commands::network::show(args),
        Command::Network(NetworkCommand::Convert(args)) => commands::network::convert(args),
        Command::Calib(CalibCommand::Run(args)) => commands::calib::run(args),
        Command::Calib(CalibCommand::Convert(args)) => commands::calib::convert(args),
        Command::Calib(CalibCommand::Show(args)) => commands::calib::show(args),
        Command::Calib(CalibCommand::Diff(args)) => commands::calib::diff(args),
        Command::Calib(CalibCommand::Verify(args)) => commands::calib::verify(args),
        Command::Calib(CalibCommand::Targets(args)) => commands::calib::targets(args),
        Command::Chip(ChipCommand::Draw(args)) => commands::chip::draw(args),
        Command::Chip(ChipCommand::Show(args)) => commands::chip::show(args),
        Command::Chip(ChipCommand::Probe(args)) => commands::chip::probe(args),
        Command::Study(StudyCommand::Plan(args)) => commands::study::plan(args),
        Command::Study(StudyCommand::Run(args)) => commands::study::run(args),
        Command::Study(StudyCommand::Status(args)) => commands::study::status(args),
        Command::Study(StudyCommand::Merge(args)) => commands::study::merge(args),
        Command::Study(StudyCommand::Plot(args)) => commands::study::plot(args),
        Command::Twin(TwinCommand::Record(args)) => commands::twin::record(args),
        Command::Twin(TwinCommand::Fit(args)) => commands::twin::fit(args),
        Command::Twin(TwinCommand::Score(args)) => commands::twin::score(args),
        Command::Twin(TwinCommand::Show(args)) => commands::twin::show(args),
        Command::Deploy(DeployCommand::Check(args)) => commands::deploy::check(args),
        Command::Deploy(DeployCommand::Scale(args)) => commands::deploy::scale(args),
        Command::Deploy(DeployCommand::Run(args)) => commands::deploy::run(args),
        Command::Deploy(DeployCommand::Export(args)) => commands::deploy::export(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", told_once(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes, leaving out causes that the message before has told already.
pub(crate) fn told_once(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
