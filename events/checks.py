"""What a start finds wrong with the settings of this app."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from events.pipeline import PipelineError, load_steps


@register
def check_pipeline(**_options: Any) -> list[CheckMessage]:
    """Every entry of CDP_PIPELINE is a step, and the phases are in order."""
    try:
        load_steps()
    except (PipelineError, ImportError) as error:
        return [Error(str(error), hint="Mend CDP_PIPELINE in the settings.", id="events.E001")]
    return []
