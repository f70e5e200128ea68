//! The root helper of a context.

use super::run::Ctx;
use crate::fault::Result;
use crate::fence::client::Fence;

impl Ctx {
    /// Returns the root helper of this run's context.
    pub fn fence(&self) -> Result<Fence> {
        match self.fence_if_any()? {
            Some(fence) => Ok(fence),
            None => Err(crate::ops::smart::no_fence(&self.session()?)),
        }
    }

    /// As [`Ctx::fence`]; `None` where the context has none.
    pub fn fence_if_any(&self) -> Result<Option<Fence>> {
        let interrupt = self.around.interrupt.clone();
        #[cfg(feature = "demo")]
        if self.around.fixed.is_some() {
            return Ok(Some(Fence::new(crate::cli::demo::fence_connection(&self.around.paths.state), interrupt)));
        }
        self.context()?.fence.as_ref().map(|settings| Fence::of(settings, interrupt)).transpose()
    }
}
