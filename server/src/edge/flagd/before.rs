//! `schema.v1`: what `flagd.evaluation.v1` was called before, and what flagd's provider for PHP still says.
//!
//! The messages are the same, but that `metadata` was not among the answers' fields yet: who does not know it skips it. So
//! there is nothing to answer here, and only names to translate.

use axum::body::Body;
use http::Request;
use http::uri::{PathAndQuery, Uri};
use mycelia_flags_proto::FILE_DESCRIPTOR_SET;
use prost::{DecodeError, Message as _};
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Where the calls came before, for the router.
pub(crate) const ROUTE: &str = "/schema.v1.Service/{method}";

const BEFORE: &str = "/schema.v1.Service/";
const NOW: &str = "/flagd.evaluation.v1.Service/";

const PACKAGE_BEFORE: &str = "schema.v1";
const PACKAGE_NOW: &str = "flagd.evaluation.v1";

/// What reflection says of the service: the descriptors of now, by the names of before.
///
/// # Errors
/// When our own descriptors cannot be read.
pub(crate) fn descriptors() -> Result<FileDescriptorSet, DecodeError> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)?.file;
    let file = files.into_iter().filter(|file| file.package() == PACKAGE_NOW).map(renamed);
    Ok(FileDescriptorSet { file: file.collect() })
}

fn renamed(mut file: FileDescriptorProto) -> FileDescriptorProto {
    file.name = Some("schema/v1/schema.proto".to_owned());
    file.package = Some(PACKAGE_BEFORE.to_owned());
    file.message_type.iter_mut().for_each(rename_message);
    for method in file.service.iter_mut().flat_map(|service| &mut service.method) {
        rename(&mut method.input_type);
        rename(&mut method.output_type);
    }
    file
}

fn rename_message(message: &mut DescriptorProto) {
    message.field.iter_mut().for_each(|field| rename(&mut field.type_name));
    message.nested_type.iter_mut().for_each(rename_message);
}

/// Types stand with a dot and their package before their name.
fn rename(name: &mut Option<String>) {
    let rest = name.as_deref().and_then(|name| name.strip_prefix('.')?.strip_prefix(PACKAGE_NOW));
    if let Some(rest) = rest {
        *name = Some(format!(".{PACKAGE_BEFORE}{rest}"));
    }
}

/// The path by which a call is known now; none when it never had another one.
pub(crate) fn path(path: &str) -> Option<String> {
    path.strip_prefix(BEFORE).map(|method| format!("{NOW}{method}"))
}

/// The call as it is known now.
pub(crate) fn request(mut request: Request<Body>) -> Request<Body> {
    let now = path(request.uri().path()).and_then(|path| PathAndQuery::try_from(path).ok());
    if let Some(now) = now {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(now);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_service_is_another() {
        assert_eq!(
            path("/schema.v1.Service/ResolveInt").as_deref(),
            Some("/flagd.evaluation.v1.Service/ResolveInt")
        );
        assert_eq!(path("/flagd.evaluation.v1.Service/ResolveInt"), None);
        assert_eq!(path("/schema.v2.Service/ResolveInt"), None);
        let call =
            Request::post("http://flags:8013/schema.v1.Service/ResolveAll").body(Body::empty()).unwrap();
        assert_eq!(request(call).uri(), "http://flags:8013/flagd.evaluation.v1.Service/ResolveAll");
        let other = Request::post("/schema.v1/ResolveAll").body(Body::empty()).unwrap();
        assert_eq!(request(other).uri(), "/schema.v1/ResolveAll");
    }
}
