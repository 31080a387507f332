"""The scripts, by what they are about. Importing this package enters them all in the list."""

from tests.realcluster.differential.scenarios import applying as applying
from tests.realcluster.differential.scenarios import daemons as daemons
from tests.realcluster.differential.scenarios import deletion as deletion
from tests.realcluster.differential.scenarios import deployments as deployments
from tests.realcluster.differential.scenarios import jobs as jobs
from tests.realcluster.differential.scenarios import quotas as quotas
from tests.realcluster.differential.scenarios import scheduling as scheduling
from tests.realcluster.differential.scenarios import statefulsets as statefulsets
