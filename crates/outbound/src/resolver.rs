//! Resolves names and lets only addresses through that the policy allows. The connection is made to one of
//! exactly these addresses, so that a name that changes its answer cannot lead elsewhere.

use crate::EgressPolicy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};

/// The resolver of every client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VettingResolver {
    pub(crate) policy: EgressPolicy,
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy;
        Box::pin(async move { resolve(name.as_str(), policy).await })
    }
}

async fn resolve(name: &str, policy: EgressPolicy) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    policy.check_name(name)?;
    let found: Vec<IpAddr> = tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect();
    let allowed = policy.allowed_of(name, &found)?;
    // Port 0 is replaced by the URL's.
    Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))))
}
