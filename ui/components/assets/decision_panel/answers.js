// What a reader answers, what of it is missing, and what it departs from. The server decides by the
// same rules; here they say early what will be asked.

function emptyAnswers() {
  return {
    path: null, conditions: [], urgency: null, certainty: null, reason: null, comment: "",
    follow_up: { kind: null, by: null, text: "", wrong: [] }, rubric: {},
  };
}

// A draft as it was kept, without what an answer cannot be.
function answersFrom(draft) {
  const answers = emptyAnswers();
  if (!draft || typeof draft !== "object") return answers;
  if (Array.isArray(draft.conditions)) {
    answers.conditions = draft.conditions.filter((one) => typeof one === "string");
  }
  for (const name of ["path", "urgency", "certainty", "reason", "comment"]) {
    if (typeof draft[name] === "string") answers[name] = draft[name];
  }
  const { follow_up: follow, rubric } = draft;
  if (follow && typeof follow === "object") {
    for (const name of ["kind", "by", "text"]) {
      if (typeof follow[name] === "string") answers.follow_up[name] = follow[name];
    }
    if (Array.isArray(follow.wrong)) {
      answers.follow_up.wrong = follow.wrong.filter((one) => typeof one === "string");
    }
  }
  if (rubric && typeof rubric === "object") {
    for (const [key, value] of Object.entries(rubric)) {
      if (typeof value === "string") answers.rubric[key] = value;
    }
  }
  return answers;
}

function sameConditions(some, others) {
  return some.length === others.length && some.every((one) => others.includes(one));
}

// What a decision differs from; then it needs a reason. As `triage.review.departures` says.
function departuresOf(content, answers) {
  const { opinion, first, choices } = content;
  const found = [];
  if (!answers.conditions.length || !answers.urgency) return found;
  if (opinion?.kind === "opinion") {
    const named = answers.conditions.includes(opinion.condition);
    if (!named || answers.urgency !== opinion.urgency) found.push("the AI's opinion");
  }
  if (first) {
    const same = sameConditions(first.conditions, answers.conditions);
    if (!same || first.urgency !== answers.urgency) found.push("your first read");
  }
  if (opinion?.kind === "abstention") {
    const rank = (value) => choices.urgencies.findIndex((one) => one.value === value);
    if (rank(answers.urgency) > rank(opinion.queue_urgency)) found.push("abstention");
  }
  return found;
}

// Which reasons are likely, as a name of `choices.likely`.
function kindOfDeparture(content, answers) {
  const { opinion, first, choices } = content;
  const rank = (value) => choices.urgencies.findIndex((one) => one.value === value);
  if (opinion?.kind === "abstention") return "abstention";
  if (opinion?.kind !== "opinion") return "own";
  const towards = answers.conditions.includes(opinion.condition)
    && answers.urgency === opinion.urgency;
  if (towards && first) return "towards";
  return rank(answers.urgency) > rank(opinion.urgency) ? "lower" : "higher";
}

function followUpOf(answers) {
  const { kind, by, text, wrong } = answers.follow_up;
  if (!kind) return null;
  const words = kind === "retake" ? [...wrong, text.trim()].filter(Boolean).join("; ") : text.trim();
  return { kind, by: kind === "specialist" ? by : null, text: words };
}

// The first answer that is missing: its field and a sentence; null where nothing is.
function missingAnswer(content, answers) {
  const ask = (field, message) => ({ field, message, hint: "", code: `missing_${field}` });
  const isDecision = content.stage === "decide";
  if (isDecision && content.paths.length > 1 && !answers.path) {
    return ask("path", "Choose whose reading you decide for.");
  }
  for (const feature of content.rubric ?? []) {
    if (!answers.rubric[feature.key]) return ask("rubric", `Not answered: ${feature.title}.`);
  }
  if (!answers.conditions.length) return ask("conditions", "Choose a condition.");
  if (!answers.urgency) return ask("urgency", "Choose an urgency.");
  if (!answers.certainty) return ask("certainty", "Say how certain you are.");
  if (!isDecision) return null;
  const departures = departuresOf(content, answers);
  if (departures.length && !answers.reason) {
    return ask("reason", departureSentence(departures));
  }
  if (answers.reason === content.choices.needs_comment && !answers.comment.trim()) {
    return ask("comment", "The reason “other” needs words.");
  }
  return missingFollowUp(content, answers, ask);
}

function missingFollowUp(content, answers, ask) {
  if (content.opinion?.kind !== "abstention") return null;
  const follow = followUpOf(answers);
  if (!follow) return ask("follow_up", "Answer what is to follow: the AI gave no opinion.");
  if (follow.kind === "specialist" && !follow.by) {
    return ask("follow_up_by", "Name the day by which a specialist is to see the case.");
  }
  if (follow.kind === "retake" && !follow.text) {
    return ask("follow_up_wrong", "Say what is wrong with the images.");
  }
  if (follow.kind === "none" && !follow.text) {
    return ask("follow_up_text", "Say why neither is needed.");
  }
  return null;
}

function departureSentence(departures) {
  if (departures.includes("abstention") && departures.length === 1) {
    return "This lowers the priority of a case on which the AI abstained. Give a reason.";
  }
  const named = departures.filter((one) => one !== "abstention");
  return `This differs from ${named.join(" and from ")}. Give a reason.`;
}
