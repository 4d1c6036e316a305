//! What can be chosen of a server.

/// What can be chosen of a server. The default suits tests: fast, and not durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether a commit is on disk before it is answered. Only a crash of the machine tells the difference: a killed
    /// server loses nothing either way.
    pub is_durable: bool,
    /// Memory for pages, in MiB.
    pub shared_buffers_mib: u32,
    /// Connections of all databases together, three of which are for superusers.
    pub connections_max: u32,
    /// Whether it speaks TLS, with certificates made for it.
    pub has_tls: bool,
    /// Whether connections over TCP must name the password.
    pub needs_password: bool,
    /// Further parameters of `postgresql.conf`, which go before the others.
    pub parameters: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_durable: false,
            shared_buffers_mib: 64,
            connections_max: 200,
            has_tls: false,
            needs_password: false,
            parameters: Vec::new(),
        }
    }
}

impl Settings {
    /// The lines that are appended to `postgresql.conf`. Of a parameter that comes twice, the last one counts.
    pub(crate) fn lines(&self, socket_directory: &str, port: u16) -> String {
        let on = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
        let mut parameters = vec![
            ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
            ("port".to_owned(), port.to_string()),
            ("unix_socket_directories".to_owned(), socket_directory.to_owned()),
            ("shared_buffers".to_owned(), format!("{}MB", self.shared_buffers_mib)),
            ("max_connections".to_owned(), self.connections_max.to_string()),
            ("fsync".to_owned(), on(self.is_durable)),
            ("full_page_writes".to_owned(), on(self.is_durable)),
            ("log_line_prefix".to_owned(), "%m [%p] %d ".to_owned()),
            ("ssl".to_owned(), on(self.has_tls)),
        ];
        parameters.extend(self.parameters.iter().cloned());
        let line = |(name, value): (String, String)| format!("{name} = '{}'\n", value.replace('\'', "''"));
        parameters.into_iter().map(line).collect()
    }
}
