//! `felhom context edit`.

use std::path::Path;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::config::{Config, Editor, files};
use crate::fault::{Fault, Result};
use crate::ui::prompt;

use super::change::{Action, Changed, Status};

/// Edit the configuration file
///
/// Opens a copy of config.toml in $VISUAL, $EDITOR or vi, and replaces the file if the copy is valid.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context edit\n  EDITOR=nano felhom context edit home")]
pub struct Edit {
    /// Context to edit; the whole file is opened
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    name: Option<String>,
}

impl Edit {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let planned = ctx.planned_here()?;
        let paths = &ctx.around.paths;
        let before = match std::fs::read_to_string(paths.config_file()) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Fault::config(format!("cannot read {}: {e}", paths.config_file().display()))),
        };
        // An invalid file must open too, so that it can be corrected.
        if let (Some(name), Ok(config)) = (&self.name, Config::parse(&before, 0o600, paths)) {
            config.context(name)?;
        }
        let mut changed = Changed::new(Action::Edit, self.name.as_deref());
        if planned {
            changed.status = Status::Planned;
            changed.and(format!("an editor opens a copy of {}", paths.config_file().display()));
            return changed.show(ctx);
        }
        files::private_dir(&paths.config)?;
        let copy = paths.config.join(format!(".config.{}.edit.toml", std::process::id()));
        files::replace(&copy, before.as_bytes())?;
        let taken = take_over(ctx, &copy, &before);
        let _ = std::fs::remove_file(&copy);
        if taken? {
            changed.and(format!("{} is as edited", paths.config_file().display()));
        }
        changed.show(ctx)
    }
}

/// Edits until the text is valid or the user gives up. Returns false if nothing changed.
fn take_over(ctx: &Ctx, copy: &Path, before: &str) -> Result<bool> {
    loop {
        open(ctx, copy)?;
        let text = std::fs::read_to_string(copy).map_err(|error| Fault::io("cannot read the edited copy", &error))?;
        if text == before {
            return Ok(false);
        }
        let mut editor = Editor::open(&ctx.around.paths, &ctx.around.interrupt)?;
        let Err(fault) = editor.replace_text(before, text) else { return editor.save() };
        // Others may change the file during the edit.
        drop(editor);
        if !prompt::present() {
            return Err(fault.while_("nothing was changed"));
        }
        ctx.out.warn(fault.to_string());
        if !prompt::confirm("Edit it again? (else nothing is changed)", true)? {
            return Err(fault.while_("nothing was changed"));
        }
    }
}

#[cfg(feature = "exec")]
fn open(ctx: &Ctx, file: &Path) -> Result<()> {
    use crate::exec::Cmd;

    let env = &ctx.around.env;
    let editor = match env.text("VISUAL")? {
        Some(editor) => editor,
        None => env.text("EDITOR")?.unwrap_or("vi"),
    };
    // A configured editor may be a script; `vi` requires a terminal.
    if editor == "vi" && !prompt::present() {
        return Err(Fault::usage("there is no terminal to edit on").with_hint(format!(
            "set EDITOR to a command that edits by itself, or edit {} yourself",
            ctx.around.paths.config_file().display()
        )));
    }
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let done =
        Cmd::new(program).args(words).arg(file).interactive().map_err(|failure| {
            Fault::other(format!("the editor `{program}`: {failure}")).with_hint("set EDITOR to one that is installed")
        })?;
    if done.ok() { Ok(()) } else { Err(Fault::other(format!("the editor `{program}` ended with a failure: nothing was changed"))) }
}

#[cfg(not(feature = "exec"))]
fn open(ctx: &Ctx, _file: &Path) -> Result<()> {
    Err(Fault::config("this felhom was built without starting programs")
        .with_hint(format!("edit {} yourself", ctx.around.paths.config_file().display())))
}
