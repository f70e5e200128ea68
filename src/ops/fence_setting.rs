//! The root helper's setting in a context, written by `fence install`.

use serde_json::{Value as Json, json};

use crate::config::{Config, Editor, Fence as Setting, FenceVia, Paths};
use crate::fault::Result;
use crate::fence::client::Fence;
use crate::fence::install::Target;
use crate::fence::request::UsbStatus;
use crate::guard::{Act, Outputs, Permit};
use crate::interrupt::Interrupt;
use crate::transport::ssh::with_user;

/// Returns the setting to reach a helper as its user.
pub fn of(target: &Target, user: &str) -> Setting {
    match target {
        Target::Ssh(host) => Setting { via: FenceVia::Ssh, host: Some(with_user(host, user)) },
        Target::Local => Setting { via: FenceVia::Local, host: None },
    }
}

/// Writes the setting to a context.
pub struct WriteFence {
    pub context: String,
    pub setting: Setting,
    /// The name of the host that the helper was installed on.
    pub host: String,
    pub paths: Paths,
    pub interrupt: Interrupt,
}

impl WriteFence {
    /// Returns whether the current setting reaches the same host, for example by an SSH alias; it is then kept.
    fn kept(&self) -> Result<bool> {
        let config = Config::load(&self.paths)?;
        let Some(now) = &config.context(&self.context)?.fence else { return Ok(false) };
        if *now == self.setting {
            return Ok(true);
        }
        let answer = Fence::of(now, self.interrupt.clone()).and_then(|fence| fence.ask(UsbStatus {}));
        Ok(answer.is_ok_and(|answer| answer.host == self.host))
    }
}

impl Act for WriteFence {
    fn backend(&self) -> &'static str {
        "local"
    }

    fn describe(&self) -> String {
        let how = self.setting.host.as_deref().unwrap_or("this machine");
        format!("set the root helper of context '{}' to {how}, unless it is already set for this host", self.context)
    }

    fn request(&self) -> Json {
        json!({"context": self.context, "fence": {"via": self.setting.via, "host": self.setting.host}})
    }

    fn run(&self, _: &Outputs, _: &Permit) -> Result<Json> {
        if self.kept()? {
            return Ok(json!("unchanged"));
        }
        let mut editor = Editor::open(&self.paths, &self.interrupt)?;
        let mut context = editor.config()?.context(&self.context)?.clone();
        context.fence = Some(self.setting.clone());
        editor.set(&context)?;
        editor.save()?;
        Ok(json!("ok"))
    }
}
