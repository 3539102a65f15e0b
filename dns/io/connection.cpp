#include "dns/io/connection.h"

#include <utility>

namespace hearth::dns {

Connection::Connection(ConnectionHost& host, ConnectionParty party,
                       std::unique_ptr<ByteStream> stream, runtime::ConnectionPermit permit)
    : host_(host),
      party_(std::move(party)),
      stream_(std::move(stream)),
      permit_(std::move(permit)) {}

Connection::~Connection() { stream_->close(); }

void Connection::on_octets(ByteView octets) {
    const auto self = shared_from_this();
    take(octets);
}

// A client may shut its side down and still wait for answers (RFC 7766 §6.2.4 lets us answer).
void Connection::on_end(StreamEnd end) {
    const auto self = shared_from_this();
    if (end == StreamEnd::kBroken) return close();
    finish_input();
}

void Connection::finish_input() {
    input_ended_ = true;
    stream_->pause();
    close_when_done();
}

void Connection::close_when_done() {
    if (input_ended_ && unanswered_ == 0 && stream_->unsent() == 0) close();
}

void Connection::ask(std::int32_t stream, ByteView packet) {
    ++unanswered_;
    host_.touch(*this);
    host_.ask(*this, stream, packet);
}

void Connection::reply(std::int32_t stream, ByteView answer) {
    if (is_closed_) return;
    const auto self = shared_from_this();
    send_answer(stream, answer);
    settled();
}

void Connection::settle(std::int32_t stream) {
    if (is_closed_) return;
    const auto self = shared_from_this();
    send_nothing(stream);
    settled();
}

void Connection::settled() {
    const bool was_busy = is_busy();
    if (unanswered_ > 0) --unanswered_;
    if (is_closed_) return;
    if (was_busy && !is_busy()) host_.call_soon(*this);
    close_when_done();
}

void Connection::write(ByteView octets) {
    if (is_closed_) return;
    if (stream_->unsent() + octets.size() > host_.most_unsent()) return close();
    stream_->write(octets);
}

void Connection::set_party(const Endpoint& client, const IpAddress& local) {
    party_.client = client;
    party_.local = local;
}

void Connection::close() {
    if (std::exchange(is_closed_, true)) return;
    stream_->close();
    host_.forget(*this);
}

}  // namespace hearth::dns
