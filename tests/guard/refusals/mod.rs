//! What felhom itself refuses is exit code 3, and nothing is sent. Every place in the sources that refuses is reached by a case.

mod asked;
mod guests;
mod here;
mod restores;
mod sites;
mod staged;

use crate::support::{Host, Run};

/// What the cases said, a text each; and the cases that were not refused, or sent something.
#[derive(Default)]
struct Said {
    texts: Vec<String>,
    wrong: Vec<String>,
}

impl Said {
    /// Runs a command line that is refused before anything is sent.
    fn refused(&mut self, host: &Host, words: &[&str]) {
        let before = writes(host);
        self.run(&host.run(words));
        if writes(host) != before {
            self.wrong.push(format!("{words:?} sent something"));
        }
    }

    fn run(&mut self, run: &Run) {
        self.ended(run.code, &run.stderr);
    }

    fn ended(&mut self, code: i32, text: &str) {
        let message = text.split("error: ").nth(1).and_then(|rest| rest.split("hint: ").next());
        match message.filter(|_| code == 3) {
            Some(message) => self.texts.push(message.split_whitespace().collect::<Vec<_>>().join(" ")),
            None => self.wrong.push(format!("exit {code}: {text}")),
        }
    }
}

fn writes(host: &Host) -> usize {
    host.requests().iter().filter(|request| request.method != "GET").count()
}

#[test]
fn every_refusal_in_the_sources_is_exit_3_and_sends_nothing() {
    let groups: [fn(&mut Said); 11] = [
        guests::power_and_settings,
        guests::migrations,
        guests::checks_of_the_host,
        guests::tags_and_the_gate,
        guests::storages_jobs_and_the_cluster,
        restores::over_guests,
        restores::of_odd_archives,
        staged::changes,
        here::contexts_and_roles,
        here::the_root_helper,
        asked::at_a_terminal,
    ];
    let said: Vec<Said> = std::thread::scope(|scope| {
        let run = |group: fn(&mut Said)| {
            scope.spawn(move || {
                let mut said = Said::default();
                group(&mut said);
                said
            })
        };
        groups.map(run).into_iter().map(|group| group.join().unwrap()).collect()
    });
    let wrong: Vec<&str> = said.iter().flat_map(|said| &said.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sites = sites::all();
    let mut reached = Vec::new();
    for text in said.iter().flat_map(|said| &said.texts) {
        let best = sites.iter().filter_map(|site| site.fits(text).map(|size| (size, site))).max_by_key(|(size, _)| *size);
        let (_, site) = best.unwrap_or_else(|| panic!("no refusal in the sources says '{text}'"));
        reached.push(site);
    }
    for (at, site) in sites.iter().enumerate() {
        let same = sites[..at].iter().find(|other| other.message() == site.message());
        assert!(same.is_none(), "{} and {} say the same: make one of them", site.place, same.unwrap().place);
    }
    let missing: Vec<String> =
        sites.iter().filter(|site| !reached.contains(site)).map(|site| format!("{}: {}", site.place, site.message())).collect();
    assert!(missing.is_empty() || !asked::possible(), "no case reaches these refusals:\n{}", missing.join("\n"));
}
