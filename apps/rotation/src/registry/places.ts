import { z } from 'zod';
import { nameSchema } from '@dsops/contracts/rotation/add-service';
import { cursorOf } from '@dsops/platform';

/** Where a page of services, or of what is known of them, has ended. */
export const servicePlaces = cursorOf(z.object({ environment: nameSchema, service: nameSchema }));

export const environmentPlaces = cursorOf(nameSchema);
