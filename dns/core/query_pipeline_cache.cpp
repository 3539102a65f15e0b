#include "dns/core/query_pipeline.h"

// Answers from the cache: in their time, shortly before its end, and after it.
namespace hearth::dns {
namespace {

// RFC 8767 §4 and §5.
constexpr std::uint32_t kStaleTtl = 30;
constexpr Duration kAskAgainAfter = 30s;
constexpr Duration kPrefetchAgainAfter = 5s;
constexpr std::string_view kStale = "no upstream answers: from the cache, past its time";

}  // namespace

QueryPipeline::Answer QueryPipeline::from_hit(const Job& job, const Cache::Hit& hit) {
    if (hit.verdict.blocked())
        return write_verdict(job.out, job.asked, job.group, hit.image, hit.verdict);
    tally_.cache_hits.add();
    const Rcode rcode = hit.image.rcode;
    const std::size_t size =
        write_image(job.out, job.asked, hit.image, hit.age, snapshot_->cache.ttl.ttl_cap);
    if (hit.is_due && snapshot_->cache.prefetch && rcode != Rcode::kServFail) {
        *hit.next_try = moment_.now + kPrefetchAgainAfter;
        prefetch(job);  // `hit` may be gone now
    }
    return {size, rcode, Reason::kCached, {}};
}

std::size_t QueryPipeline::upstreams_of(const LocalPath& path, GroupIndex group) const noexcept {
    return path.end == LocalPath::End::kForward ? path.zone->group
                                                : snapshot_->policy(group).upstreams;
}

// Asks again on behalf of a client that has its answer.
void QueryPipeline::prefetch(const Job& job) {
    const LocalPath path = path_of(job.query.qname, job.query.qtype, job.group);
    const std::size_t group = upstreams_of(path, job.group);
    const auto sought = path.sought();
    if (!sought || path.chain_size > 0 || path.is_rewritten() || group >= snapshot_->groups.size())
        return;
    const ForwardQuestion question{*sought, job.query.qtype, job.asked.dnssec_ok,
                                   job.query.checking_disabled(),
                                   static_cast<std::uint16_t>(group)};
    Waiter waiter(job.context.path, job.asked, job.query.qname, moment_.now, job.group);
    waiter.is_answered = true;
    tally_.cache_prefetches.add();
    (void)forward_.ask(question, snapshot_->groups[group].asked(job.query.checking_disabled()),
                       snapshot_->groups[group].strategy, waiter, moment_.now);
    end();
}

QueryPipeline::Answer QueryPipeline::write_stale(ByteSpan out, const AskedQuestion& asked,
                                                 const LocalPath& path, const Cache::Hit& hit) {
    const ExtendedError error{EdeCode::kStaleAnswer, kStale};
    AnswerImage image = hit.image;
    image.is_secure = false;  // its signatures may have ended
    Answer answer{0, hit.image.rcode, Reason::kCached, {}, error.code};
    answer.is_stale = true;
    answer.size =
        path.chain_size == 0
            ? write_image(out, asked, image, 0, kStaleTtl, error)
            : write_chained(out, asked, *snapshot_, path, image, 0, kStaleTtl, error).size;
    tally_.cache_stale.add();
    return answer;
}

// The upstreams are slow or fail: what they said before stands in, if it is let through now, and
// they are left alone with it for a while.
bool QueryPipeline::overdue(const ForwardQuestion& question, const Waiter& waiter) {
    const LocalPath path = path_of(waiter.qname, question.qtype, waiter.group);
    const CacheKey key{path.name, question.qtype, question.dnssec_ok, question.checking_disabled,
                       snapshot_->policy(waiter.group).upstreams};
    const auto hit = cache_.find(key, moment_.now, snapshot_->cache.stale_for);
    if (!hit || !hit->is_stale || *hit->generation != snapshot_->generation ||
        (*hit->passed & mask_of(waiter.group)) == 0)
        return false;
    *hit->next_try = moment_.now + kAskAgainAfter;
    AskedQuestion asked = waiter.view();
    if (asked.options.wants_nsid) asked.options.nsid = snapshot_->nsid;
    const Answer answer = write_stale(ByteSpan(buffer_), asked, path, *hit);
    record({waiter.path, moment_.now, moment_.wall_ms}, waiter.qname, question.qtype,
           moment_.now - waiter.asked_at, answer, waiter.group);
    if (answer.size > 0) actions_.reply(waiter.path, ByteView(buffer_).first(answer.size));
    return true;
}

}  // namespace hearth::dns
