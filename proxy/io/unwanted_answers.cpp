#include "proxy/io/unwanted_answers.h"

#include <algorithm>
#include <utility>

#include "proxy/core/answer_skipper.h"
#include "proxy/io/block_pool.h"
#include "proxy/io/timed.h"

namespace hearth::proxy {

namespace {
constexpr std::size_t kMostAtATime = 128;
constexpr Duration kPatience = 1s;
}  // namespace

class UnwantedAnswers::Unwanted final : private UpstreamUser, private Timed {
public:
    Unwanted(UnwantedAnswers& owner, std::unique_ptr<UpstreamLeg> leg, const Request& request)
        : owner_(owner),
          leg_(std::move(leg)),
          request_(request),
          in_(owner.pool_.blocks()),
          skipper_(request.method) {
        leg_->set_user(this);
        pool().timers().set(*this, now() + kPatience);
    }
    ~Unwanted() {
        pool().timers().set(*this, kNever);
        if (leg_) owner_.give_up(std::move(leg_), request_);
    }
    Unwanted(const Unwanted&) = delete;
    Unwanted& operator=(const Unwanted&) = delete;

    // False: it is over.
    [[nodiscard]] bool run() {
        return request_.sent == Exchange::Sent::kNothing ? connect() : skip();
    }

private:
    void on_upstream_ready() override {
        if (!run()) owner_.remove(*this);
    }
    void on_deadline() override { owner_.remove(*this); }

    [[nodiscard]] bool connect() {
        const auto result = leg_->connect_result();
        if (!result) return true;
        if (*result == HopReason::kNone) {
            leg_ = pool().opened(std::move(leg_));
            keep();
        }
        return false;
    }

    [[nodiscard]] bool skip() {
        while (leg_->readable()) {
            const IoResult got = leg_->read(in_.room());
            if (got.status == IoStatus::kWouldBlock) break;
            if (got.status != IoStatus::kMoved) return false;
            in_.filled(got.octets);
            std::size_t used = 0;
            const AnswerSkipper::Progress progress = skipper_.take(in_.bytes(), used);
            in_.consume(used);
            if (progress == AnswerSkipper::Progress::kOver) keep();
            if (progress != AnswerSkipper::Progress::kGoesOn) return false;
        }
        if (in_.empty()) in_.release();
        return true;
    }

    void keep() { pool().keep(std::move(leg_), now() + request_.idle_time); }

    [[nodiscard]] UpstreamPool& pool() const noexcept { return owner_.pool_; }
    [[nodiscard]] TimePoint now() const noexcept { return pool().poller().now(); }

    UnwantedAnswers& owner_;
    std::unique_ptr<UpstreamLeg> leg_;
    Request request_;
    Buffer in_;
    AnswerSkipper skipper_;
};

UnwantedAnswers::UnwantedAnswers(UpstreamPool& pool) noexcept : pool_(pool) {}
UnwantedAnswers::~UnwantedAnswers() = default;

void UnwantedAnswers::leave(std::unique_ptr<UpstreamLeg> leg, const Request& request) {
    using Sent = Exchange::Sent;
    const bool may_end_soon =
        request.sent == Sent::kNothing || (request.sent == Sent::kAll && !request.asked_for_tunnel);
    if (!may_end_soon || leg->connection() == nullptr || all_.size() == kMostAtATime)
        return give_up(std::move(leg), request);
    Unwanted& one = *all_.emplace_back(std::make_unique<Unwanted>(*this, std::move(leg), request));
    if (!one.run()) remove(one);
}

// With a reset, which leaves no port in TIME_WAIT, where nothing is lost by it.
void UnwantedAnswers::give_up(std::unique_ptr<UpstreamLeg> leg, const Request& request) {
    auto* const own = leg->connection();
    if (own != nullptr && is_safe(request.method) && !request.asked_for_tunnel)
        own->abort_on_close();
    pool_.discard(std::move(leg));
}

void UnwantedAnswers::remove(const Unwanted& one) {
    const auto at =
        std::ranges::find_if(all_, [&](const auto& each) { return each.get() == &one; });
    std::swap(*at, all_.back());
    all_.pop_back();
}

}  // namespace hearth::proxy
