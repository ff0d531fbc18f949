//! Everything of a kind that the server has, page by page.

use mycelia_flags_proto::v1;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::session;

/// Flags for each request: large values may make the answer large.
const FLAGS_PAGE: i32 = 500;
/// Keys for each request: the most that the server answers at once.
const KEYS_PAGE: i32 = 10_000;

/// All flags.
#[derive(Debug, Default)]
pub(crate) struct AllFlags {
    /// The revision that was read last.
    pub(crate) revision: u64,
    pub(crate) environments: Vec<String>,
    pub(crate) flags: Vec<v1::Flag>,
}

/// All keys on a list.
#[derive(Debug, Default)]
pub(crate) struct AllKeys {
    pub(crate) environment: String,
    pub(crate) keys: Vec<String>,
}

/// Reads all flags.
pub(crate) async fn flags(connection: &Connection) -> Result<AllFlags, Failure> {
    let mut all = AllFlags::default();
    let mut page_token = String::new();
    loop {
        let request = v1::ListFlagsRequest { page_size: FLAGS_PAGE, page_token };
        let answer = connection.answer(connection.admin().list_flags(request)).await?;
        all.revision = answer.revision;
        all.environments = answer.environments;
        all.flags.extend(answer.flags);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// Reads all keys on a list.
pub(crate) async fn keys(connection: &Connection, environment: &str, list: &str) -> Result<AllKeys, Failure> {
    let mut all = AllKeys::default();
    let mut page_token = String::new();
    loop {
        let request = v1::ListKeysRequest {
            environment: environment.to_owned(),
            list: list.to_owned(),
            page_size: KEYS_PAGE,
            page_token,
        };
        let answer = connection.answer(connection.admin().list_keys(request)).await?;
        all.environment = answer.environment;
        all.keys.extend(answer.keys);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// A flag and what it does in one environment.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) definition: v1::FlagDefinition,
    pub(crate) configuration: v1::FlagConfiguration,
    pub(crate) environment: String,
    /// The revision that was read.
    pub(crate) revision: u64,
}

/// Reads what a flag does in an environment; an empty one is the server's default.
pub(crate) async fn configured(
    connection: &Connection,
    flag: &str,
    environment: &str,
) -> Result<Configured, Failure> {
    let environment = match environment {
        "" => session::status(connection).await?.default_environment,
        named => named.to_owned(),
    };
    let request = v1::GetFlagRequest { flag: flag.to_owned() };
    let answer = connection.answer(connection.admin().get_flag(request)).await?;
    let mut found = answer.flag.unwrap_or_default();
    let Some(configuration) = found.configurations.remove(&environment) else {
        let known = found.configurations.into_keys().collect::<Vec<_>>().join(", ");
        return Err(Failure::not_found(format!("no environment `{environment}` (environments: {known})")));
    };
    Ok(Configured {
        definition: found.definition.unwrap_or_default(),
        configuration,
        environment,
        revision: answer.revision,
    })
}
