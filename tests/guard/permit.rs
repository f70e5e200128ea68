//! Without a permit nothing is written: the way that reads takes no other call, over any transport.

use felhom::api::{Call, Method, Request};
use felhom::config::{Context, Endpoint, Env};
use felhom::interrupt::Interrupt;
use felhom::path;
use felhom::secret::Secret;
use felhom::transport::https::{Https, Login};
use felhom::transport::pvesh::{Door, Pvesh};
use felhom::transport::{Client, Transport};
use serde_json::Value;

use crate::support::Host;

#[test]
fn the_way_that_reads_takes_no_other_call() {
    let host = Host::demo();
    let context = Context {
        ca_file: Some(host.ca_file().to_owned()),
        endpoints: vec![Endpoint::new(host.endpoint().parse().unwrap())],
        ..Context::new("permit")
    };
    let login = || Login::Token { id: "root@pam!demo".into(), secret: Secret::new(host.secret("root@pam!demo")) };
    let stop = Interrupt::never().unwrap();
    let https = || Https::new(&context, &Env::system(), stop.clone(), login(), Box::new(|_| ())).unwrap();
    let pvesh = Pvesh::new(Door::Ssh { host: "root@nowhere.invalid".into() }, Box::new(|_| ()));
    let client = Client::new(Box::new(https()), "test".into(), stop.clone());
    for method in [Method::Post, Method::Put, Method::Delete] {
        let request = Request::new(method, path!["nodes", "pve1", "lxc", 110, "status", "stop"]);
        let refusals = [
            https().read(&request, &stop).map(drop),
            pvesh.read(&request, &stop).map(drop),
            client.fetch(&request).map(drop),
            client.get(&Call::<Value>::of(request.clone())).map(drop),
            client.get_once(&Call::<Value>::of(request.clone())).map(drop),
        ];
        for refusal in refusals {
            let fault = refusal.expect_err("refused");
            assert!(fault.message.contains("goes through the guard"), "{fault}");
        }
    }
    assert!(host.requests().is_empty(), "{:?}", host.requests());
}
