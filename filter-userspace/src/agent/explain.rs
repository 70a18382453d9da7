//! `explain`: the policy's own account of a query, as the control socket shows it.

use super::Agent;
use super::view::stamp;
use crate::control::exit::Exit;
use crate::control::report::{ExplainReport, RuleReport};
use crate::control::{Explain, Problem};
use crate::names::Name;
use crate::policy::{Client, Covering, Explanation, explain};
use crate::qtype;

/// RCODEs of answers by their names.
const RCODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

impl Agent {
    /// What happens to the query, by the engine that the program is built from and the policy that is in force.
    pub(super) fn explain(&self, query: &Explain) -> Result<ExplainReport, Problem> {
        let failed = |error: String| Problem::new(Exit::Failed, error);
        let name = Name::parse(&query.name).map_err(|error| failed(format!("{}: {error}", query.name)))?;
        let Some(snapshot) = &self.policy.snapshot else {
            return Err(Problem::new(Exit::Temporary, "no policy is in force yet"));
        };
        let client = match (query.client, &query.region) {
            (Some(address), _) => Client::Address(address),
            (None, Some(region)) => Client::Region(region.clone()),
            (None, None) => Client::Region("unknown".to_owned()),
        };
        let settings = self.config.settings();
        let explanation = explain(snapshot, &name, &client, query.qtype, &settings)
            .map_err(|error| failed(error.to_string()))?;
        Ok(self.explained(query, &explanation))
    }

    fn explained(&self, query: &Explain, explanation: &Explanation) -> ExplainReport {
        let meaning = match explanation.verdict {
            filter_common::Verdict::Pass(reason) => Some(reason.meaning()),
            filter_common::Verdict::Drop(reason) => Some(reason.meaning()),
            filter_common::Verdict::Answer(_) | filter_common::Verdict::Reset => None,
        };
        let rcode = explanation.rcode.map(|rcode| {
            RCODES.get(usize::from(rcode)).map_or_else(|| format!("RCODE{rcode}"), |name| (*name).to_owned())
        });
        ExplainReport {
            name: explanation.name.to_string(),
            qtype: qtype::name(explanation.qtype),
            client: query.client.map(|client| client.to_string()),
            region: explanation.region.clone(),
            generation: self.policy.number,
            mode: self.config.mode.label().to_owned(),
            verdict: explanation.label().to_owned(),
            reason: explanation.reason().map(str::to_owned),
            meaning: meaning.map(str::to_owned),
            rcode,
            decided_by: explanation.matched.as_ref().map(|matched| self.rule(&matched.rule)),
            covering: explanation.covering.iter().map(|covering| self.rule(covering)).collect(),
        }
    }

    fn rule(&self, rule: &Covering) -> RuleReport {
        let order = &rule.order;
        let text = Some(order.action.text.clone()).filter(|text| !text.is_empty());
        let since = rule.since.or_else(|| self.policy.since.get(&order.id).copied());
        RuleReport {
            order: order.id.to_string(),
            authority: order.authority.clone(),
            name: (!order.confidential).then(|| rule.name.to_string()),
            coverage: rule.coverage.label().to_owned(),
            action: order.action.kind.label().to_owned(),
            text,
            file: rule.list.as_deref().map_or_else(|| order.path.clone(), str::to_owned),
            line: rule.line,
            since: since.map(stamp),
            added: rule.added.map(|day| day.to_string()),
            applies: rule.applies,
        }
    }
}
