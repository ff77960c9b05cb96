//! Changes of organisations.

use async_graphql::{Context, Object, Result};
use domain::{
    ids::OrganisationId,
    names::OrganisationName,
    organisation::{self, Organisation},
};

use super::run;
use crate::{error::invalid, types};

#[derive(Default)]
pub(super) struct OrganisationMutation;

#[Object]
impl OrganisationMutation {
    /// Creates an organisation.
    async fn create_organisation(&self, ctx: &Context<'_>, name: String) -> Result<types::Organisation> {
        let name: OrganisationName = name.parse().map_err(invalid)?;
        let id = OrganisationId::named(&name);
        run::<Organisation>(ctx, id.0, organisation::Command::Create { name: name.clone() }).await?;
        types::Organisation::load(ctx, &name).await
    }

    /// Sets how many releases of an organisation are built at the same time.
    async fn set_build_slots(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        slots: u16,
    ) -> Result<types::Organisation> {
        let name: OrganisationName = organisation.parse().map_err(invalid)?;
        let id = OrganisationId::named(&name);
        run::<Organisation>(ctx, id.0, organisation::Command::SetBuildSlots { slots }).await?;
        types::Organisation::load(ctx, &name).await
    }
}
