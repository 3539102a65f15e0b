#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/name.h"
#include "base/time.h"
#include "dns/core/block_policy.h"
#include "dns/core/dnssec_outcome.h"
#include "dns/core/loop_guard.h"
#include "dns/core/message.h"
#include "dns/core/no_answer.h"
#include "dns/core/random_source.h"
#include "dns/core/suffix_rewrite.h"
#include "dns/core/upstream_state.h"
#include "dns/core/wire_writer.h"
#include "dns/model/client_group.h"
#include "dns/model/protocol.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// A question to be asked of an upstream group.
struct ForwardQuestion {
    Name qname;
    RrType qtype{};
    bool dnssec_ok = false;
    bool checking_disabled = false;
    std::uint16_t group = 0;
};

// A client that waits for an answer; its own copy of what the answer needs.
struct Waiter {
    ReplyPath path;
    TimePoint asked_at;
    Name qname;  // as asked; another one than forwarded when CNAMEs of ours lead there
    std::array<std::uint8_t, Name::kMaxWire + 4> question;
    std::uint16_t question_size = 0;
    AskedQuestion asked;               // its question view is empty: see view()
    GroupIndex group = kDefaultGroup;  // of the client
    TimePoint patient_until = kNever;  // then ForwardActions::overdue()
    bool is_answered = false;          // waits no more; the answer is still for its group
    std::uint64_t errand = 0;          // above 0: our own question, see QueryPipeline::run_errand()

    Waiter(const ReplyPath& path, const AskedQuestion& asked, const Name& qname, TimePoint now,
           GroupIndex group = kDefaultGroup);
    // `asked` with the question in it, valid as long as this Waiter is.
    [[nodiscard]] AskedQuestion view() const noexcept;
};

enum class ForwardResult : std::uint8_t {
    kAnswered,       // NOERROR or NXDOMAIN
    kServFail,       // upstreams answered, none of them usefully
    kNobodyAnswers,  // timed out, or all are known to be dead
    kLoop,           // the only upstreams left forward our questions back to us
    kBogus,          // what they say is not what the zone's owner signed
};

// How a question ended; views valid during finished() only.
struct ForwardOutcome {
    ForwardResult result = ForwardResult::kNobodyAnswers;
    ByteView packet;                     // with kAnswered
    const AnswerView* answer = nullptr;  // with kAnswered
    UpstreamIndex upstream = 0;          // with kAnswered: whose answer it is
    std::string_view why{};              // with kBogus
};

// What a plan wants done. Calls are made from within the plan's members and must not
// call back into it.
class ForwardActions {
public:
    // From a UDP socket to `upstream` that stands for `slot` (below ForwardPlan::kSlots): each slot
    // is a port of its own.
    virtual void send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                          ByteView question) = 0;
    // Over a connection, of the server's own protocol, TCP where that is kUdp; the answer or the
    // failure is told with `exchange` and `upstream`.
    virtual void ask_stream(std::uint64_t exchange, UpstreamIndex upstream,
                            const UpstreamServer& server, ByteView question) = 0;
    // By the resolver in this process that `server` stands for, told in the same way.
    virtual void resolve(std::uint64_t exchange, UpstreamIndex upstream,
                         const UpstreamServer& server, const ForwardQuestion& question) = 0;
    // A waiter's patience is over while the question is still open; true: it was answered.
    virtual bool overdue(const ForwardQuestion& question, const Waiter& waiter) = 0;
    // The question is settled; `waiters` may be answered and are gone afterwards.
    virtual void finished(const ForwardQuestion& question, const ForwardOutcome& outcome,
                          std::span<const Waiter> waiters) = 0;

protected:
    ~ForwardActions() = default;
};

// The forwarded questions of one worker: which upstream, random ports and IDs (RFC 5452), retries,
// TCP when truncated, equal questions asked once, limits. Sans-I/O: what happens comes in with
// `now`, what to do goes out through ForwardActions.
class ForwardPlan {
public:
    static constexpr unsigned kSlots = 16;
    // Of memory: with its share of an exchange and of the tables that lead there.
    static constexpr std::size_t kWaiterCost = sizeof(Waiter) + 900;

    struct Limits {
        std::size_t memory = 16U << 20;  // for questions that wait
        Duration give_up = 4500ms;       // before stub resolvers do, after 5 s
        Duration tcp_patience = 3000ms;  // for what did not fit into a datagram
        unsigned tries = 6;
        bool mix_letters = false;  // over UDP, see mix_letters()
    };
    enum class Ask : std::uint8_t { kStarted, kJoined, kLimited };
    struct Counters {
        std::array<std::uint64_t, kNoAnswerCount> no_answers{};  // by NoAnswer
        std::uint64_t limited = 0;
        std::uint64_t over_tcp = 0;  // because they did not fit into a datagram
        std::uint64_t joined = 0;
        std::uint64_t secure = 0;  // what validation said
        std::uint64_t insecure = 0;
        std::uint64_t bogus = 0;
    };

    ForwardPlan(const Limits& limits, ForwardActions& actions, RandomSource& random,
                LoopGuard& loops);

    // Asks `servers` on behalf of `waiter`, or lets it wait for the same question already asked.
    // May finish at once. kLimited: no memory is left for this client, who may take as much as it
    // leaves free for others. Our own errands are never limited: each stems from a client's
    // question.
    Ask ask(const ForwardQuestion& question, std::span<const UpstreamServer> servers,
            UpstreamStrategy strategy, const Waiter& waiter, TimePoint now);

    // A datagram on the socket of `slot` to `upstream`.
    void on_datagram(UpstreamIndex upstream, unsigned slot, ByteView packet, TimePoint now);
    void on_stream_answer(std::uint64_t exchange, UpstreamIndex upstream, ByteView packet,
                          TimePoint now);
    void on_stream_failure(std::uint64_t exchange, UpstreamIndex upstream, TimePoint now);
    void on_resolved(std::uint64_t exchange, UpstreamIndex upstream, const Resolution& resolution,
                     TimePoint now);

    [[nodiscard]] TimePoint next_deadline() const noexcept;
    void on_timer(TimePoint now);

    [[nodiscard]] const UpstreamTable& upstreams() const noexcept { return upstreams_; }
    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] std::size_t exchanges() const noexcept { return exchanges_.size(); }

private:
    enum class Via : std::uint8_t { kUdp, kStream };
    // One question sent. Stays open after its patience has ended: a late answer is an answer.
    struct Attempt {
        UpstreamIndex upstream = 0;
        Via via = Via::kUdp;
        std::uint16_t slot = 0;
        std::uint16_t id = 0;
        std::uint64_t letters = 0;  // as mixed
        bool has_cookie = false;
        TimePoint sent_at;
        TimePoint deadline;
        bool timed_out = false;
        bool settled = false;
    };
    struct Exchange {
        std::uint64_t token = 0;
        ForwardQuestion question;
        UpstreamStrategy strategy{};
        std::vector<UpstreamIndex> candidates;
        std::vector<UpstreamIndex> tried;
        std::vector<Attempt> attempts;
        std::vector<Waiter> waiters;
        TimePoint give_up_at;
        TimePoint deadline;
        unsigned bad_cookies = 0;      // times that a server did not know its own
        bool upstream_failed = false;  // somebody answered SERVFAIL or the like
        bool loops = false;
    };
    using Deadline = std::pair<TimePoint, std::uint64_t>;
    // A question whose exchange was settled by another answer: what becomes of it still tells
    // how the upstream is.
    struct Stray {
        UpstreamIndex upstream = 0;
        TimePoint sent_at;
        TimePoint deadline;
    };
    static constexpr std::uint64_t kStrayToken = 0;

    [[nodiscard]] Via own_via(UpstreamIndex index) const noexcept;
    void try_next(Exchange& exchange, TimePoint now);
    void send(Exchange& exchange, UpstreamIndex upstream, Via via, TimePoint now);
    [[nodiscard]] bool accept_letters(Exchange& exchange, const Attempt& attempt,
                                      const AnswerView& answer, TimePoint now);
    [[nodiscard]] bool accept_cookie(Exchange& exchange, Attempt& attempt, const AnswerView& answer,
                                     TimePoint now);
    [[nodiscard]] bool ask_otherwise(Exchange& exchange, const Attempt& attempt,
                                     const AnswerView& answer, TimePoint now);
    void drop(NoAnswer why) noexcept { ++counters_.no_answers[static_cast<std::size_t>(why)]; }
    [[nodiscard]] std::uint16_t free_id(UpstreamIndex upstream, unsigned slot);
    void take_answer(Exchange& exchange, Attempt& attempt, ByteView packet,
                     const AnswerView& answer, TimePoint now);
    void note_security(Security security) noexcept;
    void after_failure(Exchange& exchange, TimePoint now);
    void tell_impatient(Exchange& exchange, TimePoint now);
    void set_deadline(Exchange& exchange);
    [[nodiscard]] bool any_open(const Exchange& exchange) const noexcept;
    void finish(Exchange& exchange, const ForwardOutcome& outcome);
    void fail(Exchange& exchange, TimePoint now);
    void release(const Attempt& attempt);
    void end_stray(std::uint64_t key);
    [[nodiscard]] bool admit(const Waiter& waiter);
    void dismiss(const Waiter& waiter);
    [[nodiscard]] static std::string key_of(const ForwardQuestion& question);
    [[nodiscard]] static std::uint64_t wire_key(UpstreamIndex upstream, unsigned slot,
                                                std::uint16_t id) noexcept;

    Limits limits_;
    ForwardActions& actions_;
    RandomSource& random_;
    LoopGuard& loops_;
    UpstreamTable upstreams_;
    AnswerMapper mapper_;
    Counters counters_;
    std::uint64_t next_token_ = 1;
    std::size_t waiting_ = 0;
    std::unordered_map<std::uint64_t, Exchange> exchanges_;       // by token
    std::unordered_map<std::string, std::uint64_t> by_question_;  // to token
    std::unordered_map<std::uint64_t, std::uint64_t> by_wire_;    // wire_key() to token
    std::unordered_map<std::uint64_t, Stray> strays_;             // by wire_key()
    std::unordered_map<IpAddress, std::size_t> waiting_by_client_;
    std::set<Deadline> deadlines_;        // with tokens
    std::set<Deadline> stray_deadlines_;  // with wire keys
};

}  // namespace hearth::dns
