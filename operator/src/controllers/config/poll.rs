//! Notices changes by reading metadata by name, over and over, spread over the interval: RBAC cannot grant a list or
//! watch of metadata without granting one of the content.

use super::{saw, version};
use crate::controllers::Context;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Looks at everything that is referred to once in each interval, until the token is cancelled.
pub async fn poll(context: Arc<Context>, stop: CancellationToken) {
    let reading = async {
        loop {
            let all = context.revisions.referred();
            let share = u32::try_from(all.len().max(1)).unwrap_or(u32::MAX);
            let pause = context.options.config_interval / share;
            if all.is_empty() {
                tokio::time::sleep(jittered(pause)).await;
            }
            for (namespace, reference) in all {
                tokio::time::sleep(jittered(pause)).await;
                match version(&context, &namespace, &reference).await {
                    Ok(version) => saw(&context, &namespace, &reference, &version),
                    Err(error) => {
                        tracing::warn!(%namespace, name = %reference.name, %error, "the state of configuration could not be read; trying again");
                    }
                }
            }
        }
    };
    stop.run_until_cancelled(reading).await;
}

/// Give or take a tenth, so that operators do not read in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.9 + 0.2 * rand::random::<f64>())
}
