//! `flagd.evaluation`, versions 1 and 2: the same but for what may be left unset.

use mycelia_flags_core::value::Value;
use mycelia_flags_proto::flagd::evaluation::{v1, v2};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::FlagdEdge;
use super::changes::Told;
use super::resolve::{Resolved, Wanted};

type Events<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl v1::service_server::Service for FlagdEdge {
    type EventStreamStream = Events<v1::EventStreamResponse>;

    async fn resolve_all(
        &self,
        request: Request<v1::ResolveAllRequest>,
    ) -> Result<Response<v1::ResolveAllResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let (all, said) = self.resolve_everything(&metadata, message.context)?;
        let flags = all.into_iter().map(|(key, resolved)| (key, any(resolved))).collect();
        Ok(Response::new(v1::ResolveAllResponse { flags, metadata: Some(said) }))
    }

    async fn resolve_boolean(
        &self,
        request: Request<v1::ResolveBooleanRequest>,
    ) -> Result<Response<v1::ResolveBooleanResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Boolean)?;
        let value = found.boolean();
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v1::ResolveBooleanResponse { value, reason, variant, metadata }))
    }

    async fn resolve_string(
        &self,
        request: Request<v1::ResolveStringRequest>,
    ) -> Result<Response<v1::ResolveStringResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::String)?;
        let value = found.text();
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v1::ResolveStringResponse { value, reason, variant, metadata }))
    }

    async fn resolve_float(
        &self,
        request: Request<v1::ResolveFloatRequest>,
    ) -> Result<Response<v1::ResolveFloatResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Float)?;
        let value = found.float();
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v1::ResolveFloatResponse { value, reason, variant, metadata }))
    }

    async fn resolve_int(
        &self,
        request: Request<v1::ResolveIntRequest>,
    ) -> Result<Response<v1::ResolveIntResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Integer)?;
        let value = found.integer();
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v1::ResolveIntResponse { value, reason, variant, metadata }))
    }

    async fn resolve_object(
        &self,
        request: Request<v1::ResolveObjectRequest>,
    ) -> Result<Response<v1::ResolveObjectResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Object)?;
        let value = Some(found.object());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v1::ResolveObjectResponse { value, reason, variant, metadata }))
    }

    async fn event_stream(
        &self,
        request: Request<v1::EventStreamRequest>,
    ) -> Result<Response<Self::EventStreamStream>, Status> {
        let told = |Told { kind, data }| v1::EventStreamResponse { r#type: kind.to_owned(), data };
        Ok(Response::new(self.events(request.metadata(), told)?))
    }
}

#[tonic::async_trait]
impl v2::service_server::Service for FlagdEdge {
    type EventStreamStream = Events<v2::EventStreamResponse>;

    async fn resolve_boolean(
        &self,
        request: Request<v2::ResolveBooleanRequest>,
    ) -> Result<Response<v2::ResolveBooleanResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Boolean)?;
        let value = Some(found.boolean());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v2::ResolveBooleanResponse { value, reason, variant: Some(variant), metadata }))
    }

    async fn resolve_string(
        &self,
        request: Request<v2::ResolveStringRequest>,
    ) -> Result<Response<v2::ResolveStringResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::String)?;
        let value = Some(found.text());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v2::ResolveStringResponse { value, reason, variant: Some(variant), metadata }))
    }

    async fn resolve_float(
        &self,
        request: Request<v2::ResolveFloatRequest>,
    ) -> Result<Response<v2::ResolveFloatResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Float)?;
        let value = Some(found.float());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v2::ResolveFloatResponse { value, reason, variant: Some(variant), metadata }))
    }

    async fn resolve_int(
        &self,
        request: Request<v2::ResolveIntRequest>,
    ) -> Result<Response<v2::ResolveIntResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Integer)?;
        let value = Some(found.integer());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v2::ResolveIntResponse { value, reason, variant: Some(variant), metadata }))
    }

    async fn resolve_object(
        &self,
        request: Request<v2::ResolveObjectRequest>,
    ) -> Result<Response<v2::ResolveObjectResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let found = self.resolve(&metadata, &asked.flag_key, asked.context, Wanted::Object)?;
        let value = Some(found.object());
        let Resolved { reason, variant, metadata, .. } = found;
        Ok(Response::new(v2::ResolveObjectResponse { value, reason, variant: Some(variant), metadata }))
    }

    async fn event_stream(
        &self,
        request: Request<v2::EventStreamRequest>,
    ) -> Result<Response<Self::EventStreamStream>, Status> {
        let told = |Told { kind, data }| v2::EventStreamResponse { r#type: kind.to_owned(), data };
        Ok(Response::new(self.events(request.metadata(), told)?))
    }
}

fn any(resolved: Resolved) -> v1::AnyFlag {
    use v1::any_flag::Value as Any;
    let value = match &resolved.value {
        Value::Boolean(value) => Any::BoolValue(*value),
        Value::String(text) => Any::StringValue(text.to_string()),
        Value::Integer(_) | Value::Float(_) => Any::DoubleValue(resolved.float()),
        Value::Object(_) | Value::List(_) | Value::Null => Any::ObjectValue(resolved.object()),
    };
    v1::AnyFlag {
        reason: resolved.reason,
        variant: resolved.variant,
        metadata: resolved.metadata,
        value: Some(value),
    }
}
