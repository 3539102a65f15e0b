#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/core/cache.h"
#include "dns/core/forward_plan.h"
#include "dns/core/local_answer.h"
#include "dns/core/loop_guard.h"
#include "dns/core/query_log.h"
#include "dns/core/random_source.h"
#include "dns/core/snapshot.h"
#include "dns/core/suffix_rewrite.h"
#include "dns/core/tally.h"
#include "dns/core/wire_view.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// What the pipeline wants done outside of itself. None of these may call back into it.
class PipelineActions {
public:
    virtual void send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                          ByteView question) = 0;
    // See ForwardActions.
    virtual void ask_stream(std::uint64_t exchange, UpstreamIndex upstream,
                            const UpstreamServer& server, ByteView question) = 0;
    // By the resolver in this process that `server` stands for; the answer is told with `exchange`
    // and `upstream` through on_resolved().
    virtual void resolve(std::uint64_t exchange, UpstreamIndex upstream,
                         const UpstreamServer& server, const ForwardQuestion& question) = 0;
    // The end of run_errand(); the answer may be a failure.
    virtual void errand_done(std::uint64_t errand, ByteView answer) = 0;
    // An answer that was not ready at once.
    virtual void reply(const ReplyPath& path, ByteView answer) = 0;

protected:
    ~PipelineActions() = default;
};

// The present, as the edge sees it.
struct Moment {
    TimePoint now;
    std::int64_t wall_ms = 0;  // since 1970 in UTC; for the query log only
};

// From a question to its answer, whatever transport it came by: who asks, local and special names,
// verdict, cache, upstreams, inspection of what they said. One per worker; no locks, no clock, no
// sockets. Each entry point gets the snapshot that is valid now.
//
// Answers from cache, lists and zones are written straight into the caller's buffer
// without any allocation.
class QueryPipeline final : private ForwardActions {
public:
    struct Limits {
        Cache::Limits cache;
        ForwardPlan::Limits forward;
        unsigned refusals_per_second = 100;
    };

    QueryPipeline(const Limits& limits, PipelineActions& actions, RandomSource& random,
                  LoopGuard& loops, QueryLog& log, Tally& tally);

    // The size of the answer in `out` (kMaxMessage octets for TCP, kEdnsUdpSize for UDP), or 0:
    // dropped, or to be answered through PipelineActions::reply().
    [[nodiscard]] std::size_t handle(const Snapshot& snapshot, const QueryContext& context,
                                     ByteView packet, ByteSpan out);

    void on_datagram(const Snapshot& snapshot, Moment moment, UpstreamIndex upstream, unsigned slot,
                     ByteView packet);
    void on_stream_answer(const Snapshot& snapshot, Moment moment, std::uint64_t exchange,
                          UpstreamIndex upstream, ByteView packet);
    void on_stream_failure(const Snapshot& snapshot, Moment moment, std::uint64_t exchange,
                           UpstreamIndex upstream);

    void on_resolved(const Snapshot& snapshot, Moment moment, std::uint64_t exchange,
                     UpstreamIndex upstream, const Resolution& resolution);

    // Asks the servers of an upstream group, unchecked and past zones, rules and cache, on our own
    // behalf; `errand` is above 0. May end at once.
    void run_errand(const Snapshot& snapshot, Moment moment, std::uint64_t errand,
                    std::uint16_t group, const QueryView& query);

    [[nodiscard]] TimePoint next_deadline() const noexcept { return forward_.next_deadline(); }
    void on_timer(const Snapshot& snapshot, Moment moment);

    [[nodiscard]] const ForwardPlan& forward() const noexcept { return forward_; }
    [[nodiscard]] const Cache& cache() const noexcept { return cache_; }

private:
    // Texts of extended errors that are told at once or later.
    static constexpr std::string_view kUpstreamsFail = "the upstreams answered with an error";
    static constexpr std::string_view kLoops = "forwarding loop: the upstream asks us";
    static constexpr std::string_view kTooLong =
        "the name is too long with the suffix it stands for";

    // One question while it is being decided.
    struct Job {
        const QueryContext& context;
        const QueryView& query;
        AskedQuestion asked;
        ByteSpan out;
        GroupIndex group = kDefaultGroup;
    };
    struct Answer {
        std::size_t size = 0;
        Rcode rcode{};
        Reason reason{};
        Verdict verdict;
        EdeCode ede{};
        std::uint16_t upstream = QueryOutcome::kNoUpstream;
        bool is_stale = false;
    };

    void begin(const Snapshot& snapshot, Moment moment);
    void end();
    [[nodiscard]] std::size_t answer_fault(QueryFault fault, Job& job);
    [[nodiscard]] std::optional<Answer> refuse_unanswerable(const Job& job);
    [[nodiscard]] std::optional<Answer> limit(const Job& job, CookieState cookie);
    [[nodiscard]] std::optional<Answer> decide(const Job& job);
    [[nodiscard]] std::optional<Answer> answer_path(const Job& job, const LocalPath& path,
                                                    const CacheKey& key);
    [[nodiscard]] std::optional<Answer> answer_outside(const Job& job, const LocalPath& path,
                                                       const CacheKey& key);
    // `patient_until`: when a stale answer may stand in, if there is one.
    [[nodiscard]] std::optional<Answer> forward(const Job& job, const LocalPath& path,
                                                TimePoint patient_until = kNever);
    [[nodiscard]] std::size_t upstreams_of(const LocalPath& path, GroupIndex group) const noexcept;
    void prefetch(const Job& job);
    [[nodiscard]] Answer write_stale(ByteSpan out, const AskedQuestion& asked,
                                     const LocalPath& path, const Cache::Hit& hit);
    [[nodiscard]] Answer from_hit(const Job& job, const Cache::Hit& hit);
    [[nodiscard]] Answer blocked(const Job& job, const CacheKey& key, const Verdict& verdict);
    [[nodiscard]] AnswerImage keep_blocked(const CacheKey& key, GroupIndex group,
                                           const Verdict& verdict, std::uint32_t seconds);
    [[nodiscard]] Answer write_verdict(ByteSpan out, const AskedQuestion& asked, GroupIndex group,
                                       const AnswerImage& image, const Verdict& verdict) const;
    [[nodiscard]] Answer plain(const Job& job, Rcode rcode, Reason reason, EdeCode code,
                               std::string_view text);
    [[nodiscard]] bool may_refuse() noexcept;
    [[nodiscard]] GroupIndex group_of(const IpAddress& client) noexcept;
    // Where a question of a client of `group` leads: local names, then its safe search.
    [[nodiscard]] LocalPath path_of(const Name& qname, RrType qtype, GroupIndex group) const;
    void keep_answer(const CacheKey& key, const ForwardQuestion& question,
                     const ForwardOutcome& outcome, std::span<const Waiter> waiters);
    // What a client may not see of an upstream's answer.
    [[nodiscard]] Asker asker_of(const ReplyPath& path) const noexcept;
    [[nodiscard]] Verdict judge(const Waiter& waiter, const ForwardQuestion& question,
                                const ForwardOutcome& outcome) const;
    [[nodiscard]] Answer answer_waiter(const Waiter& waiter, const ForwardQuestion& question,
                                       const ForwardOutcome& outcome, const Verdict& cloaked);
    [[nodiscard]] Answer answer_on_path(const Waiter& waiter, const ForwardQuestion& question,
                                        const ForwardOutcome& outcome, AnswerImage image);
    [[nodiscard]] bool failed_lately(const LocalPath& path, const Name& sought, const Job& job);
    void end_errand(const Waiter& waiter, const ForwardOutcome& outcome);
    void record(const QueryContext& context, const Name& qname, RrType qtype, Duration duration,
                const Answer& answer, GroupIndex group);

    void send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                  ByteView question) override;
    void ask_stream(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
                    ByteView question) override;
    void resolve(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
                 const ForwardQuestion& question) override;
    bool overdue(const ForwardQuestion& question, const Waiter& waiter) override;
    void finished(const ForwardQuestion& question, const ForwardOutcome& outcome,
                  std::span<const Waiter> waiters) override;

    PipelineActions& actions_;
    LoopGuard& loops_;
    QueryLog& log_;
    Tally& tally_;
    Cache cache_;
    ForwardPlan forward_;
    const Snapshot* snapshot_ = nullptr;  // of the call that runs
    Moment moment_;
    std::uint64_t cache_generation_ = 0;
    IpAddress last_client_;  // most questions come in bursts
    GroupIndex last_group_ = kDefaultGroup;
    std::uint64_t last_generation_ = 0;
    std::uint32_t rotation_ = 0;
    unsigned refusals_per_second_;
    unsigned refusals_left_ = 0;
    TimePoint refusals_until_{};
    std::array<std::uint8_t, kEdnsUdpSize> blocked_;  // the last image of a blocked name
    AnswerMapper mapper_;
    std::vector<std::uint8_t> buffer_;  // for answers that come later
};

}  // namespace hearth::dns
