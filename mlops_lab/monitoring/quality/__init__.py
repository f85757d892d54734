"""Is the data itself right? A kind of fault is a file in ``kinds/``; `look` asks all of them.

Data quality comes before drift: of a column whose values are in another unit a drift statistic says
nothing that anybody should act upon.
"""

from mlops_lab.monitoring.quality.look import CHECKS, Looked, look
from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECKS", "Looked", "Material", "look"]
