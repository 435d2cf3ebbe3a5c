"""Training settings: resolved once, saved with the bundle, hashed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from triage.backbones.runtime.execution import Execution, Precision, RuntimeName
from triage.decisions.rule_settings import (
    IN_POLICY,
    OWN,
    TEMPERATURE,
    GuaranteedSettings,
    PredictionSetSettings,
    ScoreChoice,
    SelectiveSettings,
    check_calibrator,
    check_score,
)
from triage.errors import UsageError, unknown_name
from triage.heads import HEADS, HeadKind
from triage.imaging.views import Views
from triage.losses import CRITERIA
from triage.models.mixing import MIXINGS
from triage.posteriors import POSTERIORS
from triage.uncertainty.combination import COMBINATION

NONE = "none"
HARD: Literal["hard"] = "hard"
OF_THE_BATCH = ("soft_binned_ece",)
"""Criteria whose loss of a case depends on the other cases of its batch."""
DECIDING = ("ood", "score", "calibrator", "prediction_set", "guaranteed", "selective")
"""Settings that train no network: they decide what is made of its outputs."""
Positive = Annotated[float, Field(gt=0)]


class FitSettings(BaseModel):
    """Optimisation of one network.

    Parameters
    ----------
    epochs : int
        At most so many passes; the learning rate follows one cosine over them.
    patience : int
        Stop after so many epochs without a better validation loss.
    label_smoothing : float
        Share of each target spread evenly over all classes, on top of any head's loss.
    balance : float
        Class weights are proportional to (cases of the class) ** -balance: 0 none, 1 full.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(60, ge=1)
    patience: int = Field(20, ge=1)
    batch_size: int = Field(128, ge=2)
    learning_rate: Positive = 1e-3
    weight_decay: float = Field(1e-2, ge=0)
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    balance: float = Field(0.5, ge=0, le=1)


class TrainSettings(BaseModel):
    """All settings that determine a trained system.

    Parameters
    ----------
    backbones : tuple of str
        References as `load_backbone` reads them.
    mode : {'embed', 'finetune'}
        Train heads on frozen embeddings, or backbone and head together.
    stages : {1, 2}
        Of how many of its last stages a frozen network's embedding is made.
    views : Views
        Views of each picture that a frozen network embeds; heads train on one view at a time.
    head : HeadKind
    criterion : str
        Training criterion of the head's softmax; one of `triage.losses.CRITERIA`.
    mixing : str
        How training cases are mixed; one of `triage.models.mixing.MIXINGS`, for frozen embeddings.
    posterior : str
        Posterior of each trained head: 'none' leaves it one member; others are of
        `triage.posteriors.POSTERIORS`, for frozen embeddings, some of them for
        perceptron heads.
    samples : int
        Members that a posterior makes of each trained head, unless it makes one only.
    calibrator : str
        One of `triage.uncertainty.calibration.CALIBRATORS` that needs no distance.
    score : str or dict of float
        What the out-of-distribution score is: `combination`, chosen and combined on validation
        outliers; `own`, the head's own; one of `triage.uncertainty.scores.SCORES`; or the share
        of each of several.
    ood : {'combined', 'own'}, optional
        An earlier name of the scores `combination` and `own`.
    prediction_set : PredictionSetSettings, optional
        None for none.
    guaranteed : GuaranteedSettings, optional
        None for none.
    selective : SelectiveSettings
    members : int
        Size of the ensemble.
    selection : {'uniform', 'diverse'}
        Average all members, or select them greedily from `candidates` trained ones.
    candidates : int
        Size of the pool for diverse selection.
    hyperparameters : {'fixed', 'varied'}
        Whether all candidates share learning rate, weight decay, label smoothing and dropout, or
        each draws its own about these; see `triage.models.hyperparameters`.
    seed : int
        Seed of the first member; the others follow.
    precision : {'float32', 'bfloat16'}
        Arithmetic of fine-tuning; bfloat16 needs a processor that has it.
    runtime : {'torch', 'openvino'}
        What runs the networks that embed; openvino needs the extra of this name.
    embedding_precision : {'float32', 'bfloat16'}
        Arithmetic of embedding; the thresholds are fitted with it and with the runtime.
    targets : {'hard', 'votes'}
        Whether a case of which several readers' votes are known is trained towards its label, or
        towards their distribution; see `triage.systems.photographs.soft_targets`. Written only
        where it is `votes`, so that settings without it keep their hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    SYNONYMS: ClassVar[dict[str, str]] = {
        "loss": "criterion",
        "calibration": "calibrator",
        "ood_score": "score",
        "conformal": "prediction_set",
        "guarantee": "guaranteed",
    }
    """Words that may be written for a setting, for the message."""

    backbones: tuple[str, ...] = Field(min_length=1)
    mode: Literal["embed", "finetune"] = "embed"
    stages: Literal[1, 2] = 1
    views: Views = Views.WHOLE
    head: HeadKind = HeadKind.HOD
    criterion: str = "cross_entropy"
    mixing: str = NONE
    posterior: str = NONE
    samples: int = Field(4, ge=1, le=100)
    calibrator: str = TEMPERATURE
    score: ScoreChoice = COMBINATION
    ood: Literal["combined", "own"] | None = None
    prediction_set: PredictionSetSettings | None = PredictionSetSettings()
    guaranteed: GuaranteedSettings | None = None
    selective: SelectiveSettings = SelectiveSettings()
    members: int = Field(9, ge=1, le=100)
    selection: Literal["uniform", "diverse"] = "uniform"
    candidates: int = Field(18, ge=1, le=200)
    hyperparameters: Literal["fixed", "varied"] = "fixed"
    seed: int = Field(0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    runtime: RuntimeName = "torch"
    embedding_precision: Precision = "float32"
    hidden: int = Field(256, ge=0)
    dropout: float = Field(0.3, ge=0, lt=1)
    fit: FitSettings = FitSettings()
    targets: Literal["hard", "votes"] = HARD

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        return {key: value for key, value in content.items() if (key, value) != ("targets", HARD)}

    @model_validator(mode="after")
    def _takes_votes(self) -> Self:
        if self.targets == HARD:
            return self
        if HEADS[self.head].info.own_loss or self.head is HeadKind.INTROSPECTIVE:
            fitting = [
                kind
                for kind, head in HEADS.items()
                if not head.info.own_loss and kind != HeadKind.INTROSPECTIVE
            ]
            raise ValueError(
                f"the head {self.head} learns one class a case, not a distribution of votes: "
                f"choose {', '.join(fitting)}, or targets hard"
            )
        if self.criterion in OF_THE_BATCH:
            raise ValueError(
                f"the criterion {self.criterion} counts which cases of a batch are right, which "
                "votes do not say: choose another, or targets hard"
            )
        if self.mixing != NONE or self.posterior != NONE:
            raise ValueError("targets votes takes neither mixing nor a posterior")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for field, known in (
            ("criterion", CRITERIA),
            ("mixing", MIXINGS),
            ("posterior", (NONE, *POSTERIORS)),
        ):
            if getattr(self, field) not in known:
                raise ValueError(str(unknown_name(field, getattr(self, field), known)))
        if self.mode != "embed" and (self.mixing != NONE or self.posterior != NONE):
            raise ValueError("mixing and posterior are for frozen embeddings (mode embed)")
        if self.mode != "embed" and (self.stages > 1 or self.views is not Views.WHOLE):
            raise ValueError("stages and views are for frozen embeddings (mode embed)")
        if self.mode != "embed" and self.head is HeadKind.INTROSPECTIVE:
            raise ValueError("introspective self-play is for frozen embeddings (mode embed)")
        if HEADS[self.head].info.own_loss and self.criterion != "cross_entropy":
            raise ValueError(f"the head {self.head} has a loss of its own and takes no criterion")
        return self

    @model_validator(mode="after")
    def _can_decide(self) -> Self:
        also = (COMBINATION, OWN) if self.ood == "own" else (COMBINATION,)
        if self.ood is not None and self.score not in also:
            raise ValueError("ood is an earlier name of score: give one of them")
        info = HEADS[self.head].info
        try:
            check_calibrator(self.calibrator)
            check_score(
                self.chosen_score,
                self.head,
                has_mass=info.has_outlier_mass,
                perceptron=info.perceptron,
            )
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self

    @model_validator(mode="after")
    def _posterior_fits(self) -> Self:
        if self.posterior == NONE:
            return self
        info = POSTERIORS[self.posterior].info
        if info.needs_perceptron and not HEADS[self.head].info.perceptron:
            fitting = [kind for kind, head in HEADS.items() if head.info.perceptron]
            raise ValueError(
                f"the posterior {self.posterior} needs a plain perceptron, which the head "
                f"{self.head} is not: choose {', '.join(fitting)}, or another posterior"
            )
        if info.needs_dropout and self.dropout == 0:
            raise ValueError(
                f"the posterior {self.posterior} needs dropout above 0: set it, such as to 0.1"
            )
        return self

    @property
    def chosen_score(self) -> ScoreChoice:
        """The score that decides, whichever setting names it."""
        return OWN if self.ood == "own" else self.score

    @property
    def score_of_policy(self) -> str | None:
        """The score if the policy computes it from predictions; None of the others and of `own`."""
        chosen = self.chosen_score
        return chosen if isinstance(chosen, str) and chosen in IN_POLICY else None

    @property
    def fixed_shares(self) -> dict[str, float] | None:
        """Shares of the scores that the settings fix; None where they fix none."""
        chosen = self.chosen_score
        if isinstance(chosen, dict):
            return chosen
        return None if chosen in (OWN, COMBINATION, *IN_POLICY) else {chosen: 1.0}

    @property
    def execution(self) -> Execution:
        """How the networks that embed are run."""
        return Execution(self.runtime, self.embedding_precision)

    @property
    def pool(self) -> list[tuple[str, int]]:
        """Backbone and seed of every network to train, backbones in turn."""
        size = self.members if self.selection == "uniform" else max(self.candidates, self.members)
        return [
            (self.backbones[i % len(self.backbones)], self.seed + i // len(self.backbones))
            for i in range(size)
        ]


def default_settings(
    backbones: tuple[str, ...],
    mode: Literal["embed", "finetune"] | None = None,
    **chosen: Any,
) -> TrainSettings:
    """Default settings for the backbones, overridden by the user's.

    Parameters
    ----------
    backbones : tuple of str
        References.
    mode : {'embed', 'finetune'}, optional
        By default networks of `monai:`, which have no pretrained weights, are trained end to
        end, and others are used frozen.
    **chosen
        Further fields of `TrainSettings`.

    Notes
    -----
    The values were chosen on validation data of phantoms (end to end) and of clinical
    photographs (heads). A hidden layer or dropout in the head slows a network that learns
    from scratch, and has nothing to add: the backbone before it can learn the same.
    """
    untrained = [reference.startswith("monai:") for reference in backbones]
    mode = mode or ("finetune" if any(untrained) else "embed")
    defaults: dict[str, Any] = {"backbones": backbones, "mode": mode}
    if mode == "embed" and not any(reference.startswith("oct:") for reference in backbones):
        defaults |= {"stages": 2, "views": Views.CROPS}
    if mode == "finetune":
        fit = FROM_SCRATCH if all(untrained) else FROM_PRETRAINED
        defaults |= {"hidden": 0, "dropout": 0.0, "members": 3, "fit": fit}
    return TrainSettings(
        **(defaults | {key: value for key, value in chosen.items() if value is not None})
    )


FROM_SCRATCH = FitSettings(
    epochs=12, patience=6, batch_size=32, learning_rate=2e-3, label_smoothing=0.0
)
FROM_PRETRAINED = FitSettings(epochs=10, patience=4, batch_size=32, learning_rate=3e-4)
