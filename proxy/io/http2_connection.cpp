#include "proxy/io/http2_connection.h"

#include <algorithm>

#include "proxy/io/client_session.h"

namespace hearth::proxy {

namespace {

constexpr int kReadsPerTurn = 8;
// A few octets can ask for much. Who sends many frames that cost something is read in small pieces,
// and the others have their turn in between.
constexpr std::size_t kSmallRead = 1024;
constexpr std::uint64_t kCostlyRead =
    8;  // streams opened, frames that carry nothing, decoded fields
constexpr std::uint64_t kCostlyTurn = 32;  // … that end a turn
constexpr std::uint64_t kDecodedPerCost = 8 * 1024;
// Streams that were opened and taken back within one read count until they have had their turn.
constexpr std::size_t kMostHeld = Http2Session::kMaxStreams + Http2Session::kMaxStreams / 2;
constexpr int kRoundsPerTurn = 8;  // of every stream that has something
constexpr Duration kStuckTime = 60s;
// From the announcement of the end to its execution: what is on its way arrives.
constexpr Duration kAnnounceTime = 250ms;

// Frames without a request or octets: a burst, then so many a second, and one for each KiB that we
// send, for a reader says how far it has got.
constexpr std::uint64_t kIdleBurst = 1000;
constexpr std::uint64_t kIdlePerSecond = 100;
constexpr std::uint64_t kOctetsPerIdle = 1024;

// Windows of a worker's connections beyond their first size: should all takers stop at once, that
// is what it has to keep.
constexpr std::size_t kMostWide = 16 * 1024 * 1024;

}  // namespace

Http2Connection::Http2Connection(WorkerState& worker, ClientSession& owner, Stream& stream,
                                 const ClientIdentity& who)
    : worker_(worker),
      owner_(owner),
      stream_(stream),
      who_(who),
      session_(Http2Session::Side::kServer, this, &worker.pieces),
      out_(worker.blocks),
      idle_since_(worker.poller.now()),
      read_size_(kSmallRead),
      idle_budget_(kIdleBurst),
      paced_at_(idle_since_) {
    set_timer();
    wake();
}

Http2Connection::~Http2Connection() {
    worker_.wide_windows -= static_cast<std::size_t>(window_.size() - PathWindow::kFirst);
}

Http2StreamUser* Http2Connection::on_stream(std::int32_t id) {
    ++opened_;
    if (streams_.size() >= kMostHeld) return nullptr;
    auto stream = std::make_unique<Http2Stream>(*this, id);
    stream->index = streams_.size();
    streams_.push_back(std::move(stream));
    return streams_.back().get();
}

void Http2Connection::wake() {
    if (!std::exchange(to_flush_, true)) worker_.to_flush.push_back(&owner_);
}

void Http2Connection::wake(Http2Stream& stream) {
    if (!std::exchange(stream.waits_for_run, true)) to_run_.push_back(&stream);
    wake();
}

void Http2Connection::expel() {
    expelled_ = true;
    wake();
}

void Http2Connection::receive(std::span<const char> octets) {
    if (!session_.receive(octets)) input_over_ = true;
    wake();
}

Http2Connection::Life Http2Connection::on_ready() {
    Buffer in(worker_.blocks);
    wake();
    std::uint64_t cost = 0;
    for (int turn = 0; stream_.readable() && !input_over_ && !expelled_; ++turn) {
        if (turn == kReadsPerTurn || cost >= kCostlyTurn) {
            owner_.give_way();
            break;
        }
        const std::uint64_t before = cost_so_far();
        const IoResult got = stream_.read(in.room().first(read_size_));
        if (got.status == IoStatus::kWouldBlock) break;
        if (got.status != IoStatus::kMoved) return Life::kBroken;
        if (!session_.receive(in.room().first(got.octets))) input_over_ = true;
        pace_idle_frames();
        widen();
        const std::uint64_t fresh = cost_so_far() - before;
        read_size_ = fresh > kCostlyRead ? kSmallRead : std::min(2 * read_size_, BlockPool::kBlock);
        cost += fresh;
    }
    return Life::kGoesOn;
}

std::uint64_t Http2Connection::cost_so_far() const noexcept {
    return opened_ + session_.idle_frames() + session_.decoded() / kDecodedPerCost;
}

void Http2Connection::pace_idle_frames() {
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(worker_.poller.now() - paced_at_);
    paced_at_ += elapsed;
    const auto earned = static_cast<std::uint64_t>(elapsed.count()) * kIdlePerSecond / 1000 +
                        std::exchange(octets_sent_, 0) / kOctetsPerIdle;
    idle_budget_ = std::min(idle_budget_ + earned, kIdleBurst + earned);
    const std::uint64_t fresh =
        session_.idle_frames() - std::exchange(idle_seen_, session_.idle_frames());
    expelled_ |= fresh > idle_budget_;
    idle_budget_ -= std::min(fresh, idle_budget_);
}

std::int32_t Http2Connection::take_note_of(std::size_t octets) {
    if (window_.taken(octets)) session_.ping();
    return window_.size();
}

// When it is known how long the way is.
void Http2Connection::widen() {
    if (std::exchange(pongs_seen_, session_.pongs()) == session_.pongs()) return;
    const std::int32_t growth = window_.growth();
    const auto octets = static_cast<std::size_t>(growth);
    if (growth == 0 || worker_.wide_windows + octets > kMostWide) return;
    worker_.wide_windows += octets;
    window_.grow(growth);
    session_.widen(0, window_.size());
}

void Http2Connection::run_streams() {
    // Those that are woken meanwhile have their turn in the next round.
    running_.swap(to_run_);
    for (Http2Stream* stream : running_) {
        stream->waits_for_run = false;
        run(*stream);
    }
    running_.clear();
}

void Http2Connection::run(Http2Stream& stream) {
    if (!stream.run()) remove(stream);
}

void Http2Connection::remove(Http2Stream& stream) {
    if (stream.waits_for_run) std::erase(to_run_, &stream);
    const std::size_t index = stream.index;
    if (index + 1 != streams_.size()) {
        std::swap(streams_[index], streams_.back());
        streams_[index]->index = index;
    }
    streams_.pop_back();
    if (streams_.empty()) idle_since_ = worker_.poller.now();
}

bool Http2Connection::write() {
    for (;;) {
        if (out_.empty()) {
            const std::size_t size = session_.send(out_.room());
            if (size == 0) break;
            out_.filled(size);
            stuck_since_ = worker_.poller.now();
        }
        if (!stream_.writable()) return true;
        Outgoing piece;
        piece.add(out_.text());
        const IoResult sent = stream_.write(piece);
        if (sent.status == IoStatus::kWouldBlock) return true;
        if (sent.status != IoStatus::kMoved) return false;
        out_.consume(sent.octets);
        octets_sent_ += sent.octets;
        stuck_since_ = worker_.poller.now();
    }
    out_.release();
    return true;
}

Http2Connection::Life Http2Connection::flush() {
    if (std::exchange(expelled_, false)) {
        session_.expel();
        input_over_ = true;
    }
    for (int round = 0; round < kRoundsPerTurn; ++round) {
        run_streams();
        if (!write()) return Life::kBroken;
        if (to_run_.empty()) break;
    }
    to_flush_ = false;
    if (!to_run_.empty()) owner_.give_way();
    const bool quiet = out_.empty() && to_run_.empty();
    if (quiet && (input_over_ || session_.is_over())) return Life::kOver;
    if (quiet && drain_ == Drain::kRefusing && streams_.empty()) return Life::kOver;
    set_timer();
    return Life::kGoesOn;
}

void Http2Connection::set_timer() {
    TimePoint deadline = kNever;
    if (streams_.empty()) deadline = idle_since_ + worker_.generation->snapshot->keep_alive_timeout;
    if (drain_ == Drain::kAnnounced) deadline = std::min(deadline, announced_at_ + kAnnounceTime);
    if (!out_.empty()) deadline = std::min(deadline, stuck_since_ + kStuckTime);
    owner_.wake_at(deadline);
}

Http2Connection::Life Http2Connection::on_deadline() {
    const TimePoint now = worker_.poller.now();
    if (!out_.empty() && now >= stuck_since_ + kStuckTime) return Life::kBroken;
    if (drain_ != Drain::kRefusing) {
        session_.refuse_streams();
        drain_ = Drain::kRefusing;
    }
    wake();
    return Life::kGoesOn;
}

void Http2Connection::drain() {
    session_.announce_end();
    drain_ = Drain::kAnnounced;
    announced_at_ = worker_.poller.now();
    for (const auto& stream : streams_) stream->drain();
    wake();
}

}  // namespace hearth::proxy
