#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/ip.h"
#include "proxy/io/io_result.h"
#include "proxy/io/password_checker.h"
#include "proxy/io/tls.h"
#include "proxy/io/upstream_pool.h"
#include "proxy/io/worker_state.h"
#include "proxy/model/tls.h"

namespace hearth::proxy {

// Who is at the other end of a connection; outlives its requests.
struct ClientIdentity {
    IpAddress address;  // of a connection that a proxy passes on: whom its PROXY header names
    IpAddress counted_as;  // among the connections of one client
    std::uint16_t port = 0;
    std::string text;  // the address
    Security security = Security::kPlain;
    const TlsChannel* tls = nullptr;  // once the handshake is done
};

// The client as one of its requests sees it: an HTTP/1.1 connection, or a stream of HTTP/2.
class RequestClient {
public:
    // Octets of the body, or of a tunnel.
    [[nodiscard]] virtual bool readable() const noexcept = 0;
    [[nodiscard]] virtual IoResult read(std::span<char> room) = 0;
    // After their end: lines that HTTP/2 sent behind a body.
    [[nodiscard]] virtual std::string_view trailers() const noexcept { return {}; }
    [[nodiscard]] virtual bool writable() const noexcept = 0;
    // A client that may take octets only later helps itself: ClientRequest::to_client().
    [[nodiscard]] virtual IoResult write(const Outgoing& out) = 0;
    // Octets for it go to a connection that it shares with others: nothing is gained by waiting
    // for the time to write.
    [[nodiscard]] virtual bool is_shared() const noexcept { return false; }
    // HTTP/2 wants heads apart from what follows them, though as HTTP/1.1 writes them.
    [[nodiscard]] virtual bool has_heads_apart() const noexcept { return false; }
    virtual void write_head(std::span<char> /*head*/, StreamEnd /*end*/) {}
    // A tunnel's end.
    virtual void end_writing() = 0;
    // Silence has no limit from now on: let the kernel ask whether the client is still there.
    virtual void watch_peer() = 0;

    // Where it has connected to.
    [[nodiscard]] virtual Endpoint local() const noexcept = 0;

    virtual void wake_at(TimePoint deadline) = 0;
    // An upstream has something: call the request's run().
    virtual void on_request_ready() = 0;
    // The time to write to its upstream has come: likewise, and now.
    virtual void on_write_turn() { on_request_ready(); }
    // The request was at it for long enough: run() it again after others had their turn.
    virtual void give_way() = 0;

protected:
    ~RequestClient() = default;
};

// One request under way: finds its service, drives its exchange with an upstream, or answers with
// a page. One after the other may be begun; between them it holds nothing.
class ClientRequest final : private UpstreamUser, private ResponseEditor {
public:
    enum class Progress : std::uint8_t {
        kWaits,
        kAnswered,  // the whole answer was written; client_reusable()
        kAborted,   // there is nobody to answer, or an answer that had begun was cut short
    };

    ClientRequest(WorkerState& worker, RequestClient& client, const ClientIdentity& who)
        : worker_(worker), client_(client), who_(who) {}
    ~ClientRequest() { end(); }

    // What a request needs while it is under way; open() takes it, end() gives it back.
    [[nodiscard]] bool is_open() const noexcept { return active_ != nullptr; }
    ActiveExchange& open();
    [[nodiscard]] ActiveExchange& active() noexcept { return *active_; }
    void end() noexcept;

    // Then run(), again after each event. `head` lives until the body is read.
    void begin(RequestHead& head);
    // Instead: what has arrived is not a request.
    void refuse(HopError error);
    Progress run();

    void on_deadline();
    // Its WriteTurn.
    void write_now();
    void client_failed();
    // What is to be written next, and whether something may follow but trailers.
    [[nodiscard]] const Outgoing& to_client() const noexcept;
    [[nodiscard]] bool to_client_is_last() const noexcept;
    [[nodiscard]] std::string_view trailers_to_client() const noexcept;
    void wrote_to_client(std::size_t octets);

    // It waits for room at its service, of which there may be some.
    void look_again() { client_.give_way(); }
    // It ends soon. True when it never would by itself.
    [[nodiscard]] bool drain();
    [[nodiscard]] bool client_reusable() const noexcept { return client_reusable_; }
    // After kAborted: the client has got a part of an answer.
    [[nodiscard]] bool was_cut_short() const noexcept { return cut_short_; }
    // Something of the request is still to arrive, or is not worth waiting for.
    [[nodiscard]] bool left_unread() const noexcept;

private:
    enum class State : std::uint8_t { kAsking, kQueued, kRelay, kPage, kAnswered, kAborted };
    enum class Next : std::uint8_t { kWait, kRun };

    void on_upstream_ready() override { client_.on_request_ready(); }
    void describe(const RequestHead& head, const Peer& peer);
    [[nodiscard]] std::string preamble() const;
    [[nodiscard]] Peer peer_of_connection() const noexcept;
    void edit_request(RequestHead& head, const Route& route);
    void begin_exchange(const RequestHead& head);
    void prepare_choice(const RequestHead& head);
    void edit(ResponseHead& head) override;
    [[nodiscard]] BodyCoder* coder() noexcept override { return active_->coder.get(); }
    void compress(ResponseHead& head);
    Next finished();
    void finish_record();

    // client_trace.cpp
    void join_trace(RequestHead& head);
    void give_id();
    [[nodiscard]] bool is_recorded() const noexcept;
    void record_spans();

    // client_policy.cpp
    void guard(RequestHead& head);
    [[nodiscard]] IpAddress counted_client() const noexcept;
    [[nodiscard]] bool passes(const RequestHead& head);
    // client_certificate.cpp
    void tell_certificate(RequestHead& head);
    [[nodiscard]] HopReason certificate_fault() const noexcept;
    void check_password();
    void password_checked(PasswordVerdict verdict);
    void ask_for_password();
    void password_fits();
    void ask_service();
    void service_answered(const AuthAnswer& answer);
    void answer_for_service();
    void wait_for_answer();
    void begin_again();
    void let_in();
    void go_on();

    // client_admission.cpp
    [[nodiscard]] bool admit() noexcept;
    Next enter();
    Next look_for_room();
    void leave_queue() noexcept;
    void leave_service() noexcept;

    // client_relay.cpp
    Next start_attempt();
    [[nodiscard]] UpstreamTarget::Needs needs() const noexcept;
    void reach_upstream(UpstreamTarget::Needs needs);
    Next no_upstream();
    void leave_upstream() noexcept;
    void attach(std::unique_ptr<UpstreamLeg> leg);
    void upstream_connected();
    Next relay();
    [[nodiscard]] bool puts_off_writing();
    [[nodiscard]] bool finish_connect();
    [[nodiscard]] bool may_try_http1() const noexcept;
    [[nodiscard]] bool read_client();
    [[nodiscard]] bool write_upstream();
    [[nodiscard]] bool read_upstream();
    std::size_t hand_to_exchange();
    [[nodiscard]] bool write_client();
    void pass_ends();
    void watch_silence();
    Next conclude();
    void drop_upstream() noexcept;
    void abandon_upstream();

    // client_answer.cpp
    Next failed(HopError error);
    [[nodiscard]] bool wants_https(const RequestHead& head) const noexcept;
    [[nodiscard]] bool redirect_to_https(const RequestHead& head);
    [[nodiscard]] bool is_for_us(const RequestHead& head) const noexcept;
    Next answer_ourselves(const RequestHead& head);
    Next answer_for_passed_on(const RequestHead& head);
    Next redirect_to(std::string_view host);
    Next redirect();
    Next answer_redirect(int status, std::string_view location);
    Next answer(std::string head_and_body);
    Next send_page();

    [[nodiscard]] TimePoint now() const noexcept { return worker_.poller.now(); }

    WorkerState& worker_;
    RequestClient& client_;
    const ClientIdentity& who_;
    State state_ = State::kRelay;
    RequestHead* head_ = nullptr;  // while it is decided whether it may pass
    bool client_reusable_ = false;
    bool cut_short_ = false;
    bool awaits_turn_ = false;  // on WorkerState::write_turn
    std::unique_ptr<ActiveExchange> active_;
};

}  // namespace hearth::proxy
