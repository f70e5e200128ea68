mod fence;
mod replay;
mod support;
