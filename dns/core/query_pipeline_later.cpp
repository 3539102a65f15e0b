#include <algorithm>

#include "dns/core/answer_inspection.h"
#include "dns/core/query_pipeline.h"
#include "dns/core/rewritten_name.h"

// Answers that come later: what upstreams said is inspected for each group that waits, kept, and
// told to those who asked.
namespace hearth::dns {
namespace {

constexpr std::uint32_t kNobodyAnswersSeconds = 1;  // RFC 9520 §3.2: the least
constexpr std::string_view kNobodyAnswers = "no upstream answers";
constexpr std::string_view kNamesChanged = "the names changed while this was asked; ask again";

bool is_public(const UpstreamServer& server) noexcept {
    return server.protocol == UpstreamProtocol::kRecursive ||
           !is_of_the_house(server.endpoint.address);
}

}  // namespace

Verdict QueryPipeline::judge(const Waiter& waiter, const ForwardQuestion& question,
                             const ForwardOutcome& outcome) const {
    const AnswerImage image = image_of(outcome.packet, *outcome.answer);
    const auto& servers = forward_.upstreams().all();
    if (snapshot_->rebinding_allowed && outcome.upstream < servers.size() &&
        is_public(servers[outcome.upstream].server) &&
        !snapshot_->rebinding_allowed->match(question.qname) && names_the_house(image))
        return {VerdictSource::kRebinding, false, 0};
    const BlockPolicy& policy = snapshot_->policy(waiter.group);
    const Asker asker = asker_of(waiter.path);
    const Verdict named = policy.verdict(question.qname, question.qtype, asker);
    Verdict found =
        named.allowed() ? Verdict{} : inspect_targets(image, policy, question.qtype, asker);
    found.is_personal |= named.is_personal;
    return found;
}

// One entry for all groups that may see it; what a group may not see it gets as its own answer.
void QueryPipeline::keep_answer(const CacheKey& key, const ForwardQuestion& question,
                                const ForwardOutcome& outcome, std::span<const Waiter> waiters) {
    const std::uint32_t seconds =
        cache_seconds(outcome.packet, *outcome.answer, snapshot_->cache.ttl);
    GroupMask judged = 0;
    GroupMask passed = 0;
    bool may_keep = true;
    for (const Waiter& waiter : waiters) {
        if (waiter.errand != 0) continue;
        if ((judged & mask_of(waiter.group)) != 0) continue;
        judged |= mask_of(waiter.group);
        const Verdict cloaked = judge(waiter, question, outcome);
        if (!cloaked.blocked()) {
            if (!cloaked.is_personal) passed |= mask_of(waiter.group);
            continue;
        }
        if (!cloaked.is_personal) (void)keep_blocked(key, waiter.group, cloaked, seconds);
        if (cloaked.source == VerdictSource::kRebinding || !snapshot_->has_groups())
            may_keep = false;
    }
    if (may_keep && judged != 0)
        cache_.insert(key, image_of(outcome.packet, *outcome.answer), seconds,
                      snapshot_->generation, moment_.now, {}, passed,
                      snapshot_->cache.ttl.ttl_floor);
}

void QueryPipeline::finished(const ForwardQuestion& question, const ForwardOutcome& outcome,
                             std::span<const Waiter> waiters) {
    const auto client = std::find_if(waiters.begin(), waiters.end(),
                                     [](const Waiter& waiter) { return waiter.errand == 0; });
    const GroupIndex first = client == waiters.end() ? kDefaultGroup : client->group;
    const CacheKey key{question.qname, question.qtype, question.dnssec_ok,
                       question.checking_disabled, snapshot_->policy(first).upstreams};
    if (outcome.result == ForwardResult::kAnswered) {
        keep_answer(key, question, outcome, waiters);
    } else if (client != waiters.end() && outcome.result != ForwardResult::kLoop &&
               outcome.result != ForwardResult::kBogus &&
               !cache_.find(key, moment_.now, snapshot_->cache.stale_for)) {
        const bool silent = outcome.result == ForwardResult::kNobodyAnswers;
        cache_.insert_failure(key, silent ? kNobodyAnswersSeconds : snapshot_->cache.ttl.failure,
                              snapshot_->generation, moment_.now, mask_of(first));
    }
    const bool may_be_stale =
        outcome.result != ForwardResult::kAnswered && outcome.result != ForwardResult::kBogus;
    for (const Waiter& waiter : waiters) {
        if (waiter.errand != 0) {
            end_errand(waiter, outcome);
            continue;
        }
        if (waiter.is_answered) continue;
        if (may_be_stale && overdue(question, waiter)) continue;
        const Verdict cloaked = outcome.result == ForwardResult::kAnswered
                                    ? judge(waiter, question, outcome)
                                    : Verdict{};
        const Answer answer = answer_waiter(waiter, question, outcome, cloaked);
        const QueryContext context{waiter.path, moment_.now, moment_.wall_ms};
        record(context, waiter.qname, question.qtype, moment_.now - waiter.asked_at, answer,
               waiter.group);
        if (answer.size > 0) actions_.reply(waiter.path, ByteView(buffer_).first(answer.size));
    }
}

QueryPipeline::Answer QueryPipeline::answer_waiter(const Waiter& waiter,
                                                   const ForwardQuestion& question,
                                                   const ForwardOutcome& outcome,
                                                   const Verdict& cloaked) {
    AskedQuestion asked = waiter.view();
    if (asked.options.wants_nsid) asked.options.nsid = snapshot_->nsid;
    const ByteSpan out(buffer_);
    if (cloaked.blocked()) {
        const auto written = write_blocked(out, asked, waiter.qname, question.qtype, *snapshot_,
                                           snapshot_->policy(waiter.group), cloaked);
        return {written.size, written.rcode, Reason::kBlocked, cloaked};
    }
    if (outcome.result == ForwardResult::kAnswered) {
        const AnswerImage image = image_of(outcome.packet, *outcome.answer);
        if (waiter.qname == question.qname)
            return {write_image(out, asked, image, 0, snapshot_->cache.ttl.ttl_cap),
                    image.rcode,
                    Reason::kForwarded,
                    {},
                    {},
                    outcome.upstream};
        return answer_on_path(waiter, question, outcome, image);
    }
    const bool loop = outcome.result == ForwardResult::kLoop;
    ExtendedError error{EdeCode::kNoReachableAuthority, kNobodyAnswers};
    if (outcome.result == ForwardResult::kServFail)
        error = {EdeCode::kNetworkError, kUpstreamsFail};
    if (outcome.result == ForwardResult::kBogus)
        error = {bogus_error(outcome.why), bogus_reason(outcome.why)};
    if (loop) error = {EdeCode::kOther, kLoops};
    ResponseWriter writer(out, asked, Rcode::kServFail, Authority::kRecursive);
    return {writer.finish(error),
            Rcode::kServFail,
            loop ? Reason::kLoop : Reason::kFailed,
            {},
            error.code};
}

// The answer to a name that leads to the one that was asked outside: by CNAMEs of ours, or because
// its suffix stands for another one.
QueryPipeline::Answer QueryPipeline::answer_on_path(const Waiter& waiter,
                                                    const ForwardQuestion& question,
                                                    const ForwardOutcome& outcome,
                                                    AnswerImage image) {
    const AskedQuestion asked = waiter.view();
    const ByteSpan out(buffer_);
    const LocalPath path = path_of(waiter.qname, question.qtype, waiter.group);
    const bool still_leads_there = path.sought() == question.qname;
    if (!still_leads_there ||
        (path.is_rewritten() &&
         !mapper_.map(image, {path.zone->apex, *path.zone->asked_as}, path.name))) {
        ResponseWriter writer(out, asked, Rcode::kServFail, Authority::kRecursive);
        const ExtendedError error{EdeCode::kOther, still_leads_there ? kTooLong : kNamesChanged};
        return {writer.finish(error), Rcode::kServFail, Reason::kFailed, {}, {}, outcome.upstream};
    }
    if (path.is_rewritten()) {
        image = mapper_.image();
        const CacheKey key{path.name, question.qtype, question.dnssec_ok,
                           question.checking_disabled, snapshot_->policy(waiter.group).upstreams};
        cache_.insert(key, image,
                      cache_seconds(outcome.packet, *outcome.answer, snapshot_->cache.ttl),
                      snapshot_->generation, moment_.now, {}, mask_of(waiter.group),
                      snapshot_->cache.ttl.ttl_floor);
    }
    if (path.chain_size == 0)
        return {write_image(out, asked, image, 0, snapshot_->cache.ttl.ttl_cap),
                image.rcode,
                Reason::kForwarded,
                {},
                {},
                outcome.upstream};
    const auto written = write_chained(out, asked, *snapshot_, path, image, 0);
    return {written.size, written.rcode, Reason::kForwarded, {}, {}, outcome.upstream};
}

}  // namespace hearth::dns
