// A filter asked of the tasks of one batch, cheapest questions first: of the batch, of a state, of a template, of a row.
// What can be said of many tasks at once is said once: a million waiting tasks of one template are one question.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/filter.h"
#include "core/rows.h"
#include "front/backend.h"
#include "front/selection.h"

namespace muster::front {

struct ListedTask;

// What an attempt that ended gives to the keys about ends: cause, exit, signal, time, peak, started, ended, message.
FilterValue value_of_end(const FilterTerm& term, const AttemptRecord& attempt);

class TaskMatcher {
 public:
  // Everything given outlives this.
  TaskMatcher(Backend& backend, const BatchRow& batch, const Layout& layout, const Filter& filter);

  // Whether any task of the batch can match, by what is known of the batch alone.
  bool allows_batch() const;
  // … any in this state, as shown.
  bool allows_state(TaskState shown) const;
  // … any that was never granted.
  bool allows_untried() const { return !needs_attempt_; }
  // … any of this template.
  bool allows_template(TemplateId id);
  // Nothing has to be asked of single tasks once the questions above are answered.
  bool is_settled_by_runs() const { return settled_by_runs_; }
  const Layout& layout() const { return layout_; }
  // Whether this task matches; its row is there if it has one.
  bool holds(const ListedTask& task);

 private:
  FilterValue value_of(const FilterTerm& term, const ListedTask& task);
  FilterValue of_template(const FilterTerm& term, const TaskTemplate& body) const;
  FilterValue of_end(const FilterTerm& term, const ListedTask& task);
  FilterValue of_engine(const FilterTerm& term, const ListedTask& task);
  const TaskTemplate* body_of(TemplateId id);
  std::string_view command_of(const ListedTask& task);
  std::string_view worker_name(WorkerId id);

  Backend& backend_;
  const BatchRow& batch_;
  const Layout& layout_;
  const Filter& filter_;
  bool needs_attempt_ = false;
  bool settled_by_runs_ = true;
  struct Template {
    std::shared_ptr<const TaskTemplate> body;
    bool allowed = false;
  };
  std::map<TemplateId, Template> templates_;
  std::map<WorkerId, std::string> workers_;
  bool workers_read_ = false;
  std::string text_;  // of the value at hand
};

}  // namespace muster::front
