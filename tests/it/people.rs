//! Many people at once, asked over the protocol: who has a flag, who is in a segment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::admin_service_client::AdminServiceClient;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use tonic::transport::Channel;

use crate::server::channel;

/// `user-0`, `user-1` and so on.
pub(crate) struct People {
    admin: AdminServiceClient<Channel>,
    evaluation: EvaluationServiceClient<Channel>,
    users: Vec<String>,
}

impl People {
    pub(crate) async fn of(url: &str, count: usize) -> Self {
        let channel = channel(url).await;
        Self {
            admin: AdminServiceClient::new(channel.clone()),
            evaluation: EvaluationServiceClient::new(channel),
            users: (0..count).map(|number| format!("user-{number}")).collect(),
        }
    }

    /// Whether somebody gets a boolean flag's true value in production.
    pub(crate) async fn has(&self, flag: &str, user: &str) -> bool {
        let request =
            v1::EvaluateRequest { flag: flag.to_owned(), context: Some(context(user)), ..Default::default() };
        let answer = self.evaluation.clone().evaluate(request).await.unwrap().into_inner();
        let value = answer.evaluation.unwrap().value.unwrap();
        value.kind == Some(v1::value::Kind::BooleanValue(true))
    }

    /// Those who have a flag.
    pub(crate) async fn who_has(&self, flag: &str) -> Vec<String> {
        let mut found = Vec::new();
        for user in &self.users {
            if self.has(flag, user).await {
                found.push(user.clone());
            }
        }
        found
    }

    /// Those who are in a segment of production.
    pub(crate) async fn members(&self, segment: &str) -> Vec<String> {
        let mut found = Vec::new();
        for user in &self.users {
            let request = v1::TestSegmentRequest {
                segment: segment.to_owned(),
                context: Some(context(user)),
                ..Default::default()
            };
            if self.admin.clone().test_segment(request).await.unwrap().into_inner().member {
                found.push(user.clone());
            }
        }
        found
    }
}

fn context(user: &str) -> v1::EvaluationContext {
    v1::EvaluationContext { targeting_key: user.to_owned(), ..Default::default() }
}
