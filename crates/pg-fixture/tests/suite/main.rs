//! The fixture itself, with real servers.

#[cfg(test)]
mod databases;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod sweeping;
#[cfg(test)]
mod tls;

#[cfg(test)]
/// Runs a statement as whoever the URL names.
async fn run(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let connection = tokio::spawn(connection);
    let result = client.batch_execute(sql).await;
    drop(client);
    drop(connection.await);
    result
}
