#include "proxy/io/upstream_question.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "proxy/core/body_flow.h"
#include "proxy/core/http1_parser.h"
#include "proxy/io/poller.h"
#include "proxy/io/timed.h"

namespace hearth::proxy {

class UpstreamQuestions::Question final : private UpstreamUser, private Timed {
public:
    Question(UpstreamQuestions& owner, UpstreamAsk ask)
        : owner_(owner), pool_(owner.pool_), ask_(std::move(ask)), began_(now()) {}
    ~Question() {
        pool_.timers().set(*this, kNever);
        drop();
    }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    void start() {
        pool_.timers().set(*this, began_ + ask_.timeout);
        if (ask_.connection == UpstreamAsk::Connection::kKept) {
            leg_ = pool_.take_idle(ask_.target, UpstreamPool::Check::kKnownState);
            is_kept_ = leg_ != nullptr;
        }
        if (is_kept_) {
            begin();
        } else {
            connect();
        }
    }
    void tell() {
        answer_.answered_after = now() - began_;
        ask_.done(std::move(answer_));
    }

private:
    void on_upstream_ready() override { run(); }
    void on_deadline() override {
        if (!connecting_) return fail(HopReason::kResponseTimeout);
        UpstreamConnection* const connection = leg_ ? leg_->connection() : nullptr;
        fail(connection != nullptr ? connection->awaited() : HopReason::kConnectTimeout);
    }

    void connect() {
        connecting_ = true;
        HopReason why = HopReason::kNone;
        leg_ = pool_.connect(ask_.target, why);
        if (!leg_) return fail(why);
        leg_->set_user(this);
    }

    void begin() {
        leg_->set_user(this);
        to_write_.clear();
        to_write_.add(ask_.text);
        to_write_.add(ask_.body);
        run();
    }

    void run() {
        if (is_over_ || (connecting_ && !finish_connect())) return;
        if (!write()) return;
        read();
    }

    // False while it is under way, or has failed.
    bool finish_connect() {
        const auto result = leg_->connect_result();
        if (!result) return false;
        if (*result != HopReason::kNone) {
            fail(*result);
            return false;
        }
        connecting_ = false;
        answer_.connected_after = now() - began_;
        if (ask_.text.empty()) {
            over();
            return false;
        }
        leg_ = pool_.opened(std::move(leg_));
        leg_->set_user(this);
        to_write_.clear();
        to_write_.add(ask_.text);
        to_write_.add(ask_.body);
        return true;
    }

    bool write() {
        while (!to_write_.empty() && leg_->writable()) {
            const IoResult sent = leg_->write(to_write_);
            if (sent.status == IoStatus::kWouldBlock) break;
            if (sent.status != IoStatus::kMoved) {
                broken(HopReason::kReset);
                return false;
            }
            to_write_.advance(sent.octets);
        }
        return true;
    }

    void read() {
        while (!is_over_ && leg_->readable()) {
            if (size_ == octets_.size())
                return fail(HopReason::kBadResponse, Refusal::kHeadTooLarge);
            const IoResult got = leg_->read(std::span(octets_).subspan(size_));
            if (got.status == IoStatus::kWouldBlock) return;
            if (got.status == IoStatus::kEnd) return ended();
            if (got.status != IoStatus::kMoved) return broken(leg_->failure());
            size_ += got.octets;
            take();
        }
    }

    void take() {
        if (!has_head_ && !take_head()) return;
        take_body();
        if (body_.refusal() != Refusal::kNone)
            return fail(HopReason::kBadResponse, body_.refusal());
        if (body_.done()) finish();
    }

    bool take_head() {
        for (;;) {
            const std::string_view text(octets_.data() + used_, size_ - used_);
            const ParseStatus parsed = parser_.parse(text, Method::kGet);
            if (parsed == ParseStatus::kNeedMore) return false;
            if (parsed == ParseStatus::kRefused || parser_.head().status == 101) {
                fail(HopReason::kBadResponse, parser_.refusal());
                return false;
            }
            used_ += parser_.consumed();
            if (parser_.head().status >= 200) break;
            parser_.reset();
        }
        const ResponseHead& head = parser_.head();
        answer_.said.status = head.status;
        for (const HeaderField& field : head.headers.fields())
            answer_.said.fields.emplace_back(field.name, field.value);
        keep_alive_ = head.keep_alive;
        body_.start(head.body, BodyKind::kUntilClose);
        has_head_ = true;
        return true;
    }

    void take_body() {
        Outgoing out;
        while (used_ < size_ && !body_.done() && body_.refusal() == Refusal::kNone) {
            out.clear();
            used_ += body_.advance(std::span(octets_).subspan(used_, size_ - used_), out);
            for (const std::string_view part : out.parts()) answer_.said.body.append(part);
        }
    }

    void ended() {
        keep_alive_ = false;
        Outgoing out;
        if (has_head_ && body_.end_of_input(out)) return finish();
        broken(has_head_ ? HopReason::kTruncated : HopReason::kClosedEarly);
    }

    // A kept connection may have been closed while the question was under way: once more, then.
    void broken(HopReason why) {
        if (!std::exchange(is_kept_, false) || size_ != 0) return fail(why);
        drop();
        connect();
    }

    void finish() {
        if (keep_alive_ && used_ == size_ && ask_.connection == UpstreamAsk::Connection::kKept) {
            pool_.keep(std::move(leg_), now() + owner_.idle_time_);
        }
        over();
    }

    void fail(HopReason why, Refusal refusal = Refusal::kNone) {
        answer_.error = {why, refusal};
        answer_.said = {};
        over();
    }

    void over() {
        if (std::exchange(is_over_, true)) return;
        pool_.timers().set(*this, kNever);
        drop();
        owner_.answered(*this);
    }

    void drop() {
        if (leg_) pool_.discard(std::move(leg_));
    }
    [[nodiscard]] TimePoint now() const noexcept { return pool_.poller().now(); }

    UpstreamQuestions& owner_;
    UpstreamPool& pool_;
    UpstreamAsk ask_;
    TimePoint began_;
    std::unique_ptr<UpstreamLeg> leg_;
    Outgoing to_write_;
    bool connecting_ = false;
    bool is_kept_ = false;
    bool is_over_ = false;
    bool has_head_ = false;
    bool keep_alive_ = false;
    std::array<char, 64 * 1024> octets_;
    std::size_t size_ = 0;
    std::size_t used_ = 0;
    ResponseParser parser_;
    BodyFlow body_;
    UpstreamAnswer answer_;
};

UpstreamQuestions::UpstreamQuestions(UpstreamPool& pool) : pool_(pool) {}
UpstreamQuestions::~UpstreamQuestions() = default;

void UpstreamQuestions::ask(UpstreamAsk ask) {
    Question& question =
        *questions_.emplace_back(std::make_unique<Question>(*this, std::move(ask)));
    question.start();
}

void UpstreamQuestions::answered(Question& question) { answered_.push_back(&question); }

// Who is told may ask again.
void UpstreamQuestions::deliver() {
    for (Question* const each : std::exchange(answered_, {})) {
        const auto at = std::ranges::find_if(
            questions_, [each](const auto& question) { return question.get() == each; });
        const std::unique_ptr<Question> question = std::move(*at);
        questions_.erase(at);
        question->tell();
    }
}

}  // namespace hearth::proxy
