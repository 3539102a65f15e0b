#include "dns/core/query_pipeline.h"

#include <algorithm>

#include "dns/core/answer_inspection.h"
#include "dns/core/question_options.h"
#include "dns/core/rewritten_name.h"
#include "dns/core/safe_search.h"

namespace hearth::dns {
namespace {

constexpr Duration kStaleAfter = 1800ms;  // RFC 8767 §5, the client response timer
// The generation ends it sooner when a rule or a list changes.
constexpr std::uint32_t kBlockedSeconds = 3600;
constexpr std::string_view kTooFast = "more questions than dns.rate_limit allows";
constexpr std::string_view kTooMany = "too many questions are waiting for upstreams";
constexpr std::string_view kNoUpstream = "no upstream is configured";
constexpr std::string_view kNoRecursion = "not known here, and recursion was not asked for";

bool is_meta(RrType type) noexcept {
    const auto number = static_cast<unsigned>(type);
    return type == RrType::kOpt || (number >= 128 && number < 255);
}

}  // namespace

QueryPipeline::QueryPipeline(const Limits& limits, PipelineActions& actions, RandomSource& random,
                             LoopGuard& loops, QueryLog& log, Tally& tally)
    : actions_(actions),
      loops_(loops),
      log_(log),
      tally_(tally),
      cache_(limits.cache, {random.next(), random.next()}),
      forward_(limits.forward, *this, random, loops),
      refusals_per_second_(limits.refusals_per_second),
      buffer_(kMaxMessage) {}

void QueryPipeline::begin(const Snapshot& snapshot, Moment moment) {
    snapshot_ = &snapshot;
    moment_ = moment;
    if (snapshot.cache_generation != cache_generation_) {
        cache_generation_ = snapshot.cache_generation;
        cache_.clear();
    }
}

void QueryPipeline::end() {
    tally_.cache_entries.set(cache_.size());
    tally_.cache_bytes.set(cache_.bytes());
    tally_.waiting.set(forward_.waiting());
    tally_.secure.set(forward_.counters().secure);
    tally_.insecure.set(forward_.counters().insecure);
    tally_.bogus.set(forward_.counters().bogus);
    for (std::size_t i = 0; i < kNoAnswerCount; ++i)
        tally_.no_answers[i].set(forward_.counters().no_answers[i]);
}

void QueryPipeline::record(const QueryContext& context, const Name& qname, RrType qtype,
                           Duration duration, const Answer& answer, GroupIndex group) {
    tally_.response(answer.rcode, answer.reason, duration);
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    log_.append(context, static_cast<std::uint32_t>(us), qname, qtype,
                {answer.rcode, answer.reason, answer.verdict, answer.ede, answer.upstream, group,
                 answer.is_stale});
}

std::size_t QueryPipeline::handle(const Snapshot& snapshot, const QueryContext& context,
                                  ByteView packet, ByteSpan out) {
    begin(snapshot, {context.now, context.wall_ms});
    QueryView query;
    const QueryFault fault = parse_query(packet, query);
    if (fault == QueryFault::kDrop) {
        tally_.dropped.add();
        return 0;
    }
    Job job{context, query,
            context.path.transport == Transport::kUdp ? AskedQuestion::over_udp(query)
                                                      : AskedQuestion::over_tcp(query),
            out, kDefaultGroup};
    if (fault != QueryFault::kNone && fault != QueryFault::kNoQuestion)
        return answer_fault(fault, job);
    const auto cookie = read_options(snapshot, context, query, job.asked.options);
    if (!cookie || fault == QueryFault::kNoQuestion)
        return answer_fault(cookie ? fault : QueryFault::kFormErr, job);
    tally_.request(context.path.transport, query.qtype);
    job.group = group_of(context.path.client.address);
    auto answer = refuse_unanswerable(job);
    if (!answer && snapshot.rate_limiter) answer = limit(job, *cookie);
    if (!answer) answer = decide(job);
    if (!answer) return 0;  // forwarded
    if (answer->size > 0)
        record(context, query.qname, query.qtype, Duration::zero(), *answer, job.group);
    return answer->size;
}

bool QueryPipeline::may_refuse() noexcept {
    if (moment_.now >= refusals_until_) {
        refusals_until_ = moment_.now + 1s;
        refusals_left_ = refusals_per_second_;
    }
    if (refusals_left_ > 0) {
        --refusals_left_;
        return true;
    }
    tally_.dropped.add();
    return false;
}

QueryPipeline::Answer QueryPipeline::plain(const Job& job, Rcode rcode, Reason reason, EdeCode code,
                                           std::string_view text) {
    ResponseWriter writer(job.out, job.asked, rcode, Authority::kRecursive);
    std::optional<ExtendedError> error;
    if (!text.empty()) error = ExtendedError{code, text};
    return {writer.finish(error), rcode, reason, {}, text.empty() ? EdeCode{} : code};
}

std::size_t QueryPipeline::answer_fault(QueryFault fault, Job& job) {
    if (!snapshot_->serves(job.context.path.client.address) && !may_refuse()) return 0;
    Rcode rcode = Rcode::kFormErr;
    if (fault == QueryFault::kNotImp) rcode = Rcode::kNotImp;
    if (fault == QueryFault::kBadVers) rcode = Rcode::kBadVers;
    if (fault == QueryFault::kNoQuestion && job.asked.options.has_cookie) rcode = Rcode::kNoError;
    const Answer answer = plain(job, rcode, Reason::kMalformed, EdeCode::kOther, {});
    tally_.response(rcode, answer.reason, Duration::zero());
    return answer.size;
}

// What is answered without looking at the name.
std::optional<QueryPipeline::Answer> QueryPipeline::refuse_unanswerable(const Job& job) {
    if (!snapshot_->serves(job.context.path.client.address)) {
        if (!may_refuse()) return Answer{};
        return plain(job, Rcode::kRefused, Reason::kRefused, EdeCode::kProhibited,
                     "not a client of this resolver: see dns.clients");
    }
    if (job.query.qclass != RrClass::kIn || is_meta(job.query.qtype))
        return plain(job, Rcode::kRefused, Reason::kRefused, EdeCode::kNotSupported,
                     "class or type not served");
    return std::nullopt;
}

// Over UDP anybody may write a client's address on a question: what is sent there must be small,
// and must let the true owner of the address go on (RFC 7873 §5.2.3, or TC).
std::optional<QueryPipeline::Answer> QueryPipeline::limit(const Job& job, CookieState cookie) {
    using Proof = RateLimiter::Proof;
    const ReplyPath& path = job.context.path;
    const bool over_udp = path.transport == Transport::kUdp;
    const bool proven = !over_udp || cookie == CookieState::kProven;
    RateLimiter& limiter = *snapshot_->rate_limiter;
    if (limiter.allow(path.client.address, proven ? Proof::kAddressProven : Proof::kNone,
                      moment_.now))
        return std::nullopt;
    const LimitAnswer wanted = limiter.rules().answer;
    if (wanted == LimitAnswer::kDrop) {
        tally_.dropped.add();
        return Answer{};
    }
    if (cookie == CookieState::kUnknown && over_udp)
        return plain(job, Rcode::kBadCookie, Reason::kLimited, EdeCode::kOther, {});
    if (wanted == LimitAnswer::kTruncate && !proven)
        return Answer{write_truncated(job.out, job.asked, Rcode::kNoError, Authority::kRecursive),
                      Rcode::kNoError,
                      Reason::kLimited,
                      {}};
    return plain(job, Rcode::kRefused, Reason::kLimited, EdeCode::kProhibited, kTooFast);
}

std::optional<QueryPipeline::Answer> QueryPipeline::decide(const Job& job) {
    const QueryView& query = job.query;
    const CacheKey key{query.qname, query.qtype, job.asked.dnssec_ok, query.checking_disabled(),
                       snapshot_->policy(job.group).upstreams};
    // Whatever stands before the cache has let this name through, at this very generation.
    if (const auto hit = cache_.find(key, moment_.now);
        hit && *hit->generation == snapshot_->generation && (*hit->passed & mask_of(job.group)))
        return from_hit(job, *hit);
    if (snapshot_->has_groups()) {
        CacheKey own = key;
        own.group = CacheKey::blocked_for(job.group);
        if (const auto hit = cache_.find(own, moment_.now);
            hit && *hit->generation == snapshot_->generation)
            return from_hit(job, *hit);
    }
    const LocalPath path = path_of(query.qname, query.qtype, job.group);
    const CacheKey end_key{path.name, key.qtype, key.dnssec_ok, key.checking_disabled, key.group};
    return answer_path(job, path, end_key);
}

std::optional<QueryPipeline::Answer> QueryPipeline::answer_path(const Job& job,
                                                                const LocalPath& path,
                                                                const CacheKey& key) {
    if (path.leads_outside()) return answer_outside(job, path, key);
    const BlockPolicy& blocking = snapshot_->policy(job.group);
    if (path.end == LocalPath::End::kCanary &&
        (!blocking.enabled || blocking.verdict(path.name).allowed_by_rule()))
        return answer_outside(job, path, key);
    const auto written =
        write_local(job.out, job.asked, job.query.qtype, *snapshot_, path, rotation_++);
    const bool ours = path.node != nullptr ||
                      (path.zone != nullptr && path.zone->kind == ZoneKind::kAuthoritative);
    return Answer{written.size, written.rcode, ours ? Reason::kLocal : Reason::kSpecial, {}};
}

std::optional<QueryPipeline::Answer> QueryPipeline::answer_outside(const Job& job,
                                                                   const LocalPath& path,
                                                                   const CacheKey& key) {
    const BlockPolicy& policy = snapshot_->policy(job.group);
    const Asker asker = asker_of(job.context.path);
    Verdict verdict = policy.verdict(path.name, job.query.qtype, asker);
    // Safe search does not lead past a rule for the name that was asked.
    if (policy.safe_search && path.chain_size > 0 && !verdict.blocked()) {
        const Verdict first = policy.verdict(job.query.qname, job.query.qtype, asker);
        if (first.blocked() && first.source != VerdictSource::kListRewrite) verdict = first;
    }
    if (verdict.blocked()) return blocked(job, key, verdict);
    if (job.query.qtype == RrType::kAny) {
        ResponseWriter writer(job.out, job.asked, Rcode::kNoError, Authority::kRecursive);
        writer.hinfo_rfc8482(snapshot_->local_ttl);
        return Answer{writer.finish(), Rcode::kNoError, Reason::kSpecial, verdict};
    }
    const auto hit = cache_.find(key, moment_.now, snapshot_->cache.stale_for);
    if (!hit || hit->verdict.blocked()) return forward(job, path);
    const bool ask_again = hit->is_stale && hit->is_due;
    const bool is_current = *hit->generation == snapshot_->generation;
    if (!is_current || (*hit->passed & mask_of(job.group)) == 0) {
        const Verdict cloaked = verdict.allowed()
                                    ? Verdict{}
                                    : inspect_targets(hit->image, policy, job.query.qtype, asker);
        if (cloaked.blocked() && hit->is_stale) return forward(job, path);
        if (cloaked.blocked()) return blocked(job, key, cloaked);
        *hit->passed = is_current ? *hit->passed : 0;
        if (!verdict.is_personal && !cloaked.is_personal) *hit->passed |= mask_of(job.group);
        *hit->generation = snapshot_->generation;
    }
    if (ask_again) return forward(job, path, moment_.now + kStaleAfter);
    if (hit->is_stale) return write_stale(job.out, job.asked, path, *hit);
    if (path.chain_size == 0) return from_hit(job, *hit);
    tally_.cache_hits.add();
    const auto written = write_chained(job.out, job.asked, *snapshot_, path, hit->image, hit->age);
    return Answer{written.size, written.rcode, Reason::kCached, verdict};
}

// Makes the answer to a blocked name, and keeps it: the same few names are asked again and again.
AnswerImage QueryPipeline::keep_blocked(const CacheKey& key, GroupIndex group,
                                        const Verdict& verdict, std::uint32_t seconds) {
    std::array<std::uint8_t, Name::kMaxWire + 4> question;
    ByteWriter writer(question);
    writer.bytes(key.qname.wire());
    writer.u16(static_cast<std::uint16_t>(key.qtype));
    writer.u16(static_cast<std::uint16_t>(RrClass::kIn));
    AskedQuestion bare;
    bare.question = writer.written();
    bare.qname = &key.qname;
    bare.size_limit = blocked_.size();
    const auto written = write_blocked(blocked_, bare, key.qname, key.qtype, *snapshot_,
                                       snapshot_->policy(group), verdict);
    AnswerImage image;
    image.bytes = ByteView(blocked_).first(written.size);
    image.rcode = written.rcode;
    CacheKey own = key;
    if (snapshot_->has_groups()) own.group = CacheKey::blocked_for(group);
    cache_.insert(own, image, seconds, snapshot_->generation, moment_.now, verdict, mask_of(group));
    return image;
}

QueryPipeline::Answer QueryPipeline::write_verdict(ByteSpan out, const AskedQuestion& asked,
                                                   GroupIndex group, const AnswerImage& image,
                                                   const Verdict& verdict) const {
    const BlockPolicy& policy = snapshot_->policy(group);
    const ExtendedError error{policy.ede(verdict), policy.explain(verdict)};
    const std::size_t size = write_image(out, asked, image, 0, snapshot_->cache.ttl.ttl_cap, error);
    return {size, image.rcode, Reason::kBlocked, verdict, error.code};
}

QueryPipeline::Answer QueryPipeline::blocked(const Job& job, const CacheKey& key,
                                             const Verdict& verdict) {
    if (verdict.is_personal || key.qname != job.query.qname) {  // or a CNAME of ours leads to it
        const auto written = write_blocked(job.out, job.asked, job.query.qname, job.query.qtype,
                                           *snapshot_, snapshot_->policy(job.group), verdict);
        return {written.size, written.rcode, Reason::kBlocked, verdict};
    }
    return write_verdict(job.out, job.asked, job.group,
                         keep_blocked(key, job.group, verdict, kBlockedSeconds), verdict);
}

std::optional<QueryPipeline::Answer> QueryPipeline::forward(const Job& job, const LocalPath& path,
                                                            TimePoint patient_until) {
    const QueryView& query = job.query;
    const ReplyPath& reply_path = job.context.path;
    tally_.cache_misses.add();
    if (!query.recursion_desired())
        return plain(job, Rcode::kRefused, Reason::kRefused, EdeCode::kProhibited, kNoRecursion);

    const auto tag = query.has_edns ? query.edns.find(EdnsOption::kLoopTag) : std::nullopt;
    const auto& suspects = snapshot_->home_upstreams;
    const bool may_loop = tag || std::find(suspects.begin(), suspects.end(),
                                           reply_path.client.address) != suspects.end();
    if (may_loop &&
        loops_.is_loop(path.name, query.qtype, reply_path.client.address, tag, moment_.now))
        return plain(job, Rcode::kRefused, Reason::kLoop, EdeCode::kOther, kLoops);

    const std::size_t group = upstreams_of(path, job.group);
    if (group >= snapshot_->groups.size() || snapshot_->groups[group].servers.empty())
        return plain(job, Rcode::kServFail, Reason::kFailed, EdeCode::kNoReachableAuthority,
                     kNoUpstream);
    const auto sought = path.sought();
    if (!sought || failed_lately(path, *sought, job))
        return plain(job, Rcode::kServFail, Reason::kFailed, EdeCode::kNetworkError,
                     sought ? kUpstreamsFail : kTooLong);
    const ForwardQuestion question{*sought, query.qtype, job.asked.dnssec_ok,
                                   query.checking_disabled(), static_cast<std::uint16_t>(group)};
    Waiter waiter(reply_path, job.asked, query.qname, moment_.now, job.group);
    waiter.patient_until = patient_until;
    const auto asked =
        forward_.ask(question, snapshot_->groups[group].asked(query.checking_disabled()),
                     snapshot_->groups[group].strategy, waiter, moment_.now);
    end();
    if (asked == ForwardPlan::Ask::kLimited)
        return plain(job, Rcode::kRefused, Reason::kLimited, EdeCode::kOther, kTooMany);
    return std::nullopt;
}

// Failures of names that stand for others are kept by the name that was asked outside.
bool QueryPipeline::failed_lately(const LocalPath& path, const Name& sought, const Job& job) {
    if (!path.is_rewritten()) return false;
    const auto hit =
        cache_.find({sought, job.query.qtype, job.asked.dnssec_ok, job.query.checking_disabled(),
                     snapshot_->policy(job.group).upstreams},
                    moment_.now);
    return hit && hit->image.rcode == Rcode::kServFail;
}

GroupIndex QueryPipeline::group_of(const IpAddress& client) noexcept {
    if (!snapshot_->has_groups()) return kDefaultGroup;
    if (last_generation_ != snapshot_->generation || last_client_ != client) {
        last_client_ = client;
        last_group_ = snapshot_->group_of(client);
        last_generation_ = snapshot_->generation;
    }
    return last_group_;
}

LocalPath QueryPipeline::path_of(const Name& qname, RrType qtype, GroupIndex group) const {
    LocalPath path = find_local(*snapshot_, qname, qtype);
    const BlockPolicy& policy = snapshot_->policy(group);
    if (policy.safe_search) lead_to_safe_search(*policy.safe_search, policy, qtype, path);
    if (policy.lists && policy.lists->set.filters())
        lead_to_rewritten_name(*snapshot_, policy, qtype, path);
    return path;
}

Asker QueryPipeline::asker_of(const ReplyPath& path) const noexcept {
    return {&path.client.address, snapshot_->client_names.get()};
}

}  // namespace hearth::dns
