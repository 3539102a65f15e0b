// The part of ClientRequest that keeps a service's limit of requests at a time: those beyond it
// wait in a short queue. The limit is of all workers together, the queue is each one's own: a place
// that becomes free on another one is seen at the next tick.

#include <algorithm>

#include "proxy/io/client_request.h"

namespace hearth::proxy {

bool ClientRequest::admit() noexcept {
    ActiveExchange& active = *active_;
    const std::size_t most = active.service->service->limit.requests;
    if (most == 0) return true;
    std::atomic<std::size_t>& running = active.service->shared->running;
    if (running.fetch_add(1, std::memory_order_relaxed) < most) {
        active.admitted = true;
        return true;
    }
    running.fetch_sub(1, std::memory_order_relaxed);
    return false;
}

ClientRequest::Next ClientRequest::enter() {
    if (admit()) return start_attempt();
    const RequestLimit& limit = active_->service->service->limit;
    std::atomic<std::size_t>& waiting = active_->service->shared->waiting;
    if (waiting.fetch_add(1, std::memory_order_relaxed) >= limit.queue) {
        waiting.fetch_sub(1, std::memory_order_relaxed);
        return failed({HopReason::kOverloaded, Refusal::kNone});
    }
    active_->queued = true;
    worker_.queued.push_back(this);
    client_.wake_at(now() + limit.wait);
    state_ = State::kQueued;
    return Next::kRun;
}

ClientRequest::Next ClientRequest::look_for_room() {
    if (!admit()) return Next::kWait;
    leave_queue();
    return start_attempt();
}

void ClientRequest::leave_queue() noexcept {
    if (!active_->queued) return;
    active_->queued = false;
    active_->service->shared->waiting.fetch_sub(1, std::memory_order_relaxed);
    std::erase(worker_.queued, this);
}

// The request needs its place no longer; somebody may be waiting for it.
void ClientRequest::leave_service() noexcept {
    leave_queue();
    if (!active_->admitted) return;
    active_->admitted = false;
    SharedService& shared = *active_->service->shared;
    shared.running.fetch_sub(1, std::memory_order_relaxed);
    worker_.look_at_queue();
    if (shared.waiting.load(std::memory_order_relaxed) > worker_.queued.size())
        worker_.tell_of_room();
}

void WorkerState::look_at_queue() {
    for (ClientRequest* request : queued) request->look_again();
}

}  // namespace hearth::proxy
