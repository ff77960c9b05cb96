//! Changes of who may follow an organisation.

use api_http::tokens;
use async_graphql::{Context, Object, Result};
use domain::{
    ids::{OrganisationId, TokenId},
    names::{FeedTokenName, OrganisationName},
    organisation::{Command, Organisation},
    token::{TokenKind, id_text, parse_id_text},
};

use super::run;
use crate::{
    error::{invalid, with_code},
    types::{self, NewFeedToken},
};

#[derive(Default)]
pub(super) struct FeedTokenMutation;

#[Object]
impl FeedTokenMutation {
    /// Makes a token with which a replica follows an organisation: its repositories, their access keys as digests, and the
    /// packages. The token is shown only now.
    async fn issue_feed_token(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        #[graphql(desc = "What people call it: where the replica is")] name: String,
    ) -> Result<NewFeedToken> {
        let organisation: OrganisationName = organisation.parse().map_err(invalid)?;
        let name: FeedTokenName = name.parse().map_err(invalid)?;
        let token = tokens::issue(TokenKind::Feed);
        let issue = Command::IssueFeedToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256(), name };
        run::<Organisation>(ctx, OrganisationId::named(&organisation).0, issue).await?;
        Ok(NewFeedToken {
            organisation: types::Organisation::load(ctx, &organisation).await?,
            id: id_text(token.id()),
            feed_token: token.text(),
        })
    }

    /// Ends a feed token. No request that starts after the answer is accepted with it.
    async fn revoke_feed_token(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        #[graphql(desc = "The id of the token")] token: String,
    ) -> Result<types::Organisation> {
        let organisation: OrganisationName = organisation.parse().map_err(invalid)?;
        let expected = "token: expected the id of a feed token, 22 letters and digits: \
                        organisation { feedTokens { id name } } lists them";
        let token = parse_id_text(&token).map(TokenId).ok_or_else(|| with_code("invalid", expected))?;
        let revoke = Command::RevokeFeedToken { token };
        run::<Organisation>(ctx, OrganisationId::named(&organisation).0, revoke).await?;
        types::Organisation::load(ctx, &organisation).await
    }
}
