//! The table of calls, put together from the areas.

use super::{Answer, Params, Req, cluster, nodes, version};

pub type Handler = fn(&mut Req<'_>) -> Answer;

/// One call: `("GET", "/nodes/{node}/status", handler)`.
pub type Route = (&'static str, &'static str, Handler);

const AREAS: &[&[Route]] = &[version::ROUTES, cluster::ROUTES, nodes::ROUTES];

/// The handler of a path, its template, and the parameters that the path holds.
pub fn find(method: &str, path: &str) -> Option<(Handler, &'static str, Params)> {
    AREAS.iter().copied().flatten().find_map(|(m, template, handler)| {
        if *m != method {
            return None;
        }
        matches(template, path).map(|params| (*handler, *template, params))
    })
}

fn matches(template: &str, path: &str) -> Option<Params> {
    let (mut want, mut have) = (template.split('/'), path.split('/'));
    let mut params = Params::default();
    loop {
        match (want.next(), have.next()) {
            (None, None) => return Some(params),
            (Some(name), Some(value)) if name.starts_with('{') => {
                if value.is_empty() {
                    return None;
                }
                // A volume id holds a slash: it is the last parameter and takes the rest, as in Proxmox's fragment delimiters.
                let greedy = name == "{volume}" && want.clone().next().is_none();
                let rest: Vec<&str> = if greedy { have.by_ref().collect() } else { Vec::new() };
                let value = std::iter::once(value).chain(rest).collect::<Vec<_>>().join("/");
                params.push(name.trim_matches(['{', '}']), value);
            }
            (Some(name), Some(value)) if name == value => {}
            _ => return None,
        }
    }
}
