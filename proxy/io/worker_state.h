#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/core/access_line.h"
#include "proxy/core/balancer.h"
#include "proxy/core/error_page.h"
#include "proxy/core/exchange.h"
#include "proxy/core/forward_auth.h"
#include "proxy/core/http2_request.h"
#include "proxy/core/http2_response.h"
#include "proxy/core/otlp_spans.h"
#include "proxy/core/rate_limiter.h"
#include "proxy/core/snapshot.h"
#include "proxy/core/timer_wheel.h"
#include "proxy/core/trace_context.h"
#include "proxy/io/block_pool.h"
#include "proxy/io/client_trust.h"
#include "proxy/io/connection_counts.h"
#include "proxy/io/piece_pool.h"
#include "proxy/io/poller.h"
#include "proxy/io/request_metrics.h"
#include "proxy/io/shared_service.h"
#include "proxy/io/tls.h"
#include "proxy/io/unwanted_answers.h"
#include "proxy/io/upstream_pool.h"
#include "proxy/io/upstream_question.h"
#include "proxy/io/write_turn.h"
#include "proxy/model/access_record.h"
#include "proxy/model/error_pages.h"
#include "proxy/model/failed_request.h"
#include "proxy/model/stream_record.h"

namespace hearth::proxy {

class ClientRequest;
class ClientSession;
class PasswordChecker;

// Held by who answers later; the owner is gone when its request has ended meanwhile.
struct AuthTicket {
    ClientRequest* owner;
};

// A service as one worker serves it.
struct ServiceState {
    const Service* service = nullptr;
    std::shared_ptr<SharedService> shared;
    Balancer balancer;
    // What is spoken with those of its endpoints that are not plain HTTP/1.1.
    std::vector<std::pair<Endpoint, std::shared_ptr<const UpstreamSecurity>>> securities;
    RequestMetrics* metrics = nullptr;
    StreamMetrics* streams = nullptr;  // of one that is passed on
    std::vector<std::pair<Endpoint, UpstreamMetrics*>> upstream_metrics;

    // One of its endpoints has answered, or failed to.
    void count_answer(const AccessRecord& record, Duration duration) const;
    [[nodiscard]] std::shared_ptr<const UpstreamSecurity> security_of(
        const Endpoint& endpoint) const;
};

// A snapshot and what a worker keeps beside it; exchanges keep the one they began with.
struct Generation {
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<ServiceState> services;  // as in snapshot->services
};

// Everything a client connection needs only while a request is under way.
struct ActiveExchange {
    explicit ActiveExchange(BlockPool& blocks) noexcept
        : client_in(blocks), request_head(blocks), upstream_in(blocks), response_head(blocks) {}
    // Ready for another request of the same client; keeps octets that have arrived for it.
    void recycle() noexcept;
    void release_empty_buffers() noexcept;

    RequestParser parser;
    Http2RequestHead http2_head;  // either of them reads the head into client_in
    Exchange exchange;
    Buffer client_in;
    Buffer request_head;  // as serialised for the upstream, kept for a retry
    Buffer upstream_in;
    Buffer response_head;  // as serialised for the client
    TimePoint head_began{};

    std::shared_ptr<Generation> generation;
    ServiceState* service = nullptr;  // in `generation`
    std::unique_ptr<UpstreamLeg> upstream;
    bool connected = false;
    bool watched = false;  // TCP keep-alive finds out when a silent peer has gone
    std::array<Endpoint, 4> tried{};
    std::size_t tried_count = 0;
    std::uint64_t client_key = 0;    // for Balance::kSourceHash
    std::uint64_t sticky_token = 0;  // of the upstream its cookie names
    std::string set_cookie;
    std::string hsts;
    ContentCoding coding = ContentCoding::kNone;  // the client would take
    std::unique_ptr<BodyCoder> coder;
    std::string etag;
    std::string tags_asked_with;  // If-None-Match, where answers may be coded
    std::string more_fields;      // of a page, each with its line end
    std::shared_ptr<AuthTicket> ticket;
    std::string user;       // who it says it is
    std::string asked_url;  // for who is asked whether it may pass
    AuthDecision auth;
    std::string_view asked_target;  // as the client wrote it; in the request's head
    std::string target;             // as forwarded, where its path is changed
    std::size_t host_owner = 0;     // the service whose host was asked for
    RunningLoad running;            // among those of its upstream
    bool admitted = false;          // among the running ones of its service
    bool queued = false;            // on WorkerState::queued

    RequestTrace trace;      // server_span 0: it is part of none
    std::string_view route;  // the path that led to the service, where it is not all of the host
    std::array<char, kTraceParentSize> traceparent;

    AccessRecord record;
    bool logged = false;  // somebody wanted the record when the request arrived
    PageFormat page_format = PageFormat::kHtml;
    bool show_details = false;
    std::string page;
    Outgoing page_left;
};

// What the connections of one worker share; on its thread.
class WorkerState {
public:
    // Changes of what is known about an upstream; any thread's business to take.
    using UpstreamReport = std::function<void(const Endpoint& endpoint, HopReason reason)>;

    WorkerState(runtime::EventLoop& loop, runtime::MetricWorker& metric_worker,
                std::function<void()> after_batch, UpstreamReport on_upstream_change,
                std::shared_ptr<TicketKeys> tickets, std::shared_ptr<IdleShelf> shelf,
                std::shared_ptr<ConnectionCounts> counts)
        : tls(std::move(tickets)),
          poller(loop, std::move(after_batch)),
          timers(poller.now()),
          upstreams(poller, timers, blocks, std::move(shelf)),
          questions(upstreams),
          unwanted(upstreams),
          metrics(metric_worker),
          upstream_changed(std::move(on_upstream_change)),
          connections(std::move(counts)),
          trace_ids(random_seed()) {}

    [[nodiscard]] std::unique_ptr<ActiveExchange> take_active();
    void give_back(std::unique_ptr<ActiveExchange> active) noexcept;
    [[nodiscard]] bool logs_access() const noexcept {
        return access_format != AccessFormat::kOff || access_followed;
    }
    void log_access(const AccessRecord& record);
    void log_stream(const StreamRecord& record);
    void note_failure(const AccessRecord& record);
    void keep_spans(const AccessRecord& record, const RequestTrace& trace, SpanContext context);
    // Some service may have room again.
    void look_at_queue();

    TlsContext tls;
    std::shared_ptr<const ClientTrust> client_trust = std::make_shared<ClientTrust>();
    Poller poller;
    TimerWheel timers;
    BlockPool blocks;
    PiecePool pieces;  // for sessions of HTTP/2
    UpstreamPool upstreams;
    UpstreamQuestions questions;
    UnwantedAnswers unwanted;
    ProxyMetrics metrics;
    UpstreamReport upstream_changed;
    std::shared_ptr<Generation> generation;
    std::shared_ptr<ConnectionCounts> connections;
    // Who had connections ended for what was sent on them: a client that goes on is not let in.
    RateLimiter nuisances{RateRule{RateRule::Scope::kClient, 10, 1s, 50}};
    bool draining = false;
    std::vector<ClientSession*> closed;    // to be destroyed after the batch
    std::vector<ClientSession*> to_flush;  // to be written once after the batch
    WriteTurn write_turn;
    Http2Fields http2_fields;      // of the head that is passed on
    std::size_t wide_windows = 0;  // octets that clients may send beyond the usual
    std::shared_ptr<PasswordChecker> passwords;
    // The service that one of ours has left has waiting requests at other workers.
    std::function<void()> tell_of_room;
    // Carries work over to this worker's thread; any thread.
    std::function<void(std::function<void()>)> post;
    // After work of ours outside a batch of events.
    std::function<void()> turn;
    std::vector<ClientRequest*> queued;      // wait for room at their service, oldest first
    std::vector<ClientSession*> unfinished;  // gave way to others with octets still to move

    AccessFormat access_format = AccessFormat::kOff;
    bool access_followed = false;  // somebody reads /events?topic=access
    std::string access_lines;      // in access_format, each with its line feed
    std::vector<std::string> access_events;
    std::shared_ptr<const ErrorPages> error_pages = std::make_shared<ErrorPages>();
    std::vector<FailedRequest> failures;
    std::size_t more_failures = 0;  // than there was room for
    TraceIdSource trace_ids;
    std::string spans;  // of OTLP; as append_spans() has them
    std::size_t span_count = 0;

private:
    static std::uint64_t random_seed();

    std::vector<std::unique_ptr<ActiveExchange>> spare_;
};

}  // namespace hearth::proxy
