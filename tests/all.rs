mod replay;
mod support;
